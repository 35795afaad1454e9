// Package muniment_test checks the example company: that its feed has the shape that ingestion expects, and that
// its questions, its README and its documents speak of the same things.
package muniment_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

type ref struct{ Source, ID string }

type grant struct {
	Principal string
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

type policy struct {
	Layers  []struct{ Allow, Deny []grant }
	Inherit string
}

type group struct {
	Name    string
	Members []string
}

type container struct {
	Source, ID, Parent string
	Version            int64
	Policy             *policy
}

type document struct {
	Source, ID, Title, Mime, URI, Text, Owner, Container, Sensitivity string

	Version       int64
	AccessVersion int64 `json:"access_version"`
	Policy        *policy
	Modified      time.Time
	Verified      *struct {
		By string
		At time.Time
	}
	ReviewInterval string    `json:"review_interval"`
	ValidFrom      time.Time `json:"valid_from"`
	ValidUntil     time.Time `json:"valid_until"`
	RetentionClass string    `json:"retention_class"`
	Supersedes     []ref
	Labels         map[string]string
}

type access struct {
	Source, ID, Container, Sensitivity string
	AccessVersion                      int64 `json:"access_version"`
	Policy                             *policy
}

type line struct {
	Group     *group
	Container *container
	Document  *document
	Access    *access
	Delete    *struct {
		Source, ID string
		Version    int64
	}
}

type question struct {
	Demo, Guest                           bool
	Question, As, Clearance, State, Quote string
	Answer                                *ref
	MustNot                               []ref `json:"must_not"`
	ConflictsWith                         []ref `json:"conflicts_with"`
	AgreesWith                            []ref `json:"agrees_with"`
	Never                                 []string
	Note                                  string
}

var (
	principal = regexp.MustCompile(`^(everyone|user:local/[a-z]+|group:[a-z-]+|service:[a-z-]+)$`)
	address   = regexp.MustCompile(`(?:https?://|\w@)([A-Za-z0-9.-]+)`)
	// Placeholders, and paths of somebody's machine, have no place in a company's documents.
	forbidden = regexp.MustCompile(`(?i)lorem ipsum|\bto-?do\b|\bfixme\b|\btbd\b|\bxxx|language model|/(home|root|tmp|users|mnt)/`)
)

// company is the feed, read in the order in which it is ingested.
type company struct {
	groups     map[string]group
	containers map[ref]container
	documents  map[ref]document
	policies   []policy
	principals []string // every principal named anywhere
}

func load(t *testing.T) company {
	t.Helper()
	files, err := filepath.Glob("testdata/company/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("listing the feed: %d files, error %v", len(files), err)
	}
	c := company{groups: map[string]group{}, containers: map[ref]container{}, documents: map[ref]document{}}
	for _, file := range files { // Glob sorts
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n, raw := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
			var keys map[string]json.RawMessage
			if err := json.Unmarshal(raw, &keys); err != nil || len(keys) != 1 {
				t.Fatalf("%s:%d: %d messages on the line, want 1; error %v", file, n+1, len(keys), err)
			}
			var l line
			strict(t, raw, &l)
			c.add(t, l)
		}
	}
	return c
}

// strict decodes data and fails on a field that feed lines and questions do not have.
func strict(t *testing.T, data []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("decoding %.80s: %v", data, err)
	}
}

func (c *company) add(t *testing.T, l line) {
	t.Helper()
	switch {
	case l.Group != nil:
		if _, twice := c.groups[l.Group.Name]; twice {
			t.Errorf("%s: a second line for the group", l.Group.Name)
		}
		c.groups[l.Group.Name] = *l.Group
		c.principals = append(c.principals, append(l.Group.Members, l.Group.Name)...)
	case l.Container != nil:
		id := ref{l.Container.Source, l.Container.ID}
		if _, twice := c.containers[id]; twice {
			t.Errorf("%v: a second line for the container", id)
		}
		c.parent(t, id, l.Container.Parent)
		c.containers[id] = *l.Container
		c.policy(l.Container.Policy)
	case l.Document != nil:
		id := ref{l.Document.Source, l.Document.ID}
		if _, twice := c.documents[id]; twice {
			t.Errorf("%v: a second line for the document", id)
		}
		c.parent(t, id, l.Document.Container)
		c.documents[id] = *l.Document
		c.policy(l.Document.Policy)
		c.principals = append(c.principals, l.Document.Owner)
		if l.Document.Verified != nil {
			c.principals = append(c.principals, l.Document.Verified.By)
		}
	case l.Access != nil:
		if _, ok := c.documents[ref{l.Access.Source, l.Access.ID}]; !ok {
			t.Errorf("%s/%s: an access line without a document before it", l.Access.Source, l.Access.ID)
		}
		c.policy(l.Access.Policy)
	case l.Delete != nil:
		if _, ok := c.documents[ref{l.Delete.Source, l.Delete.ID}]; ok {
			t.Errorf("%s/%s: the company's documents all stay, or its questions lose their answers", l.Delete.Source, l.Delete.ID)
		}
	default:
		t.Error("a line that is neither group, container, document, access nor delete")
	}
}

func (c *company) parent(t *testing.T, child ref, parent string) {
	t.Helper()
	if _, ok := c.containers[ref{child.Source, parent}]; parent != "" && !ok {
		t.Errorf("%v: container %q has no line before it", child, parent)
	}
}

func (c *company) policy(p *policy) {
	if p == nil {
		return
	}
	c.policies = append(c.policies, *p)
	for _, l := range p.Layers {
		for _, g := range append(append([]grant{}, l.Allow...), l.Deny...) {
			c.principals = append(c.principals, g.Principal)
		}
	}
}

func TestPrincipals(t *testing.T) {
	c := load(t)
	for _, p := range c.principals {
		if !principal.MatchString(p) {
			t.Errorf("%q is not a principal of this company", p)
		}
		if _, ok := c.groups[p]; strings.HasPrefix(p, "group:") && !ok {
			t.Errorf("%s has no line in the directory", p)
		}
	}
	if d := c.depth("group:staff"); d < 3 {
		t.Errorf("staff nests %d levels of groups, want at least 3", d)
	}
}

// depth counts the levels of groups from name down; the company's groups have no cycle.
func (c *company) depth(name string) int {
	deepest := 0
	for _, m := range c.groups[name].Members {
		if strings.HasPrefix(m, "group:") {
			deepest = max(deepest, c.depth(m))
		}
	}
	return deepest + 1
}

func TestDocuments(t *testing.T) {
	c := load(t)
	if n := len(c.documents); n < 80 {
		t.Errorf("%d documents, want at least 80", n)
	}
	departments, languages, untitled := map[string]bool{}, map[string]int{}, 0
	for id, d := range c.documents {
		departments[d.Labels["department"]] = true
		languages[d.Labels["language"]]++
		if d.Title == "" {
			untitled++
		}
		if d.Owner == "" || d.Container == "" || d.RetentionClass == "" || d.Modified.IsZero() || d.Labels["department"] == "" {
			t.Errorf("%v: owner, container, retention class, department or modified is missing", id)
		}
		if d.Version != d.Modified.Unix() {
			t.Errorf("%v: version %d is not the time of modification %d", id, d.Version, d.Modified.Unix())
		}
		if d.Mime != map[string]string{".md": "text/markdown", ".txt": "text/plain", ".html": "text/html"}[filepath.Ext(d.ID)] {
			t.Errorf("%v: unexpected type %q", id, d.Mime)
		}
		n := len(strings.Fields(visible(d)))
		if d.Labels["language"] == "ja" { // which has no spaces: about two characters are a word
			n = utf8.RuneCountInString(visible(d)) / 2
		}
		if n < 100 || n > 900 {
			t.Errorf("%v: %d words, want 100 to 900", id, n)
		}
		c.checkAddresses(t, d)
		if d.Verified != nil && (d.ReviewInterval == "" || d.Verified.At.Before(d.Modified)) {
			t.Errorf("%v: verified without an interval, or before the text was written", id)
		}
		for _, old := range d.Supersedes {
			if _, ok := c.documents[old]; !ok || old.Source != d.Source {
				t.Errorf("%v: supersedes %v, which is not in its source", id, old)
			}
		}
	}
	if len(departments) < 6 {
		t.Errorf("%d departments, want at least 6", len(departments))
	}
	for _, l := range []string{"de", "fr", "ja"} {
		if languages[l] < 3 {
			t.Errorf("%d documents in the language %s, want at least 3", languages[l], l)
		}
	}
	if untitled == 0 || untitled > 3 {
		t.Errorf("%d documents have no title, want a few, as in any company", untitled)
	}
}

// checkAddresses fails on what has no place in a document of a company that does not exist.
func (c *company) checkAddresses(t *testing.T, d document) {
	t.Helper()
	for _, s := range []string{d.Text, d.Title, d.URI} {
		if bad := forbidden.FindString(s); bad != "" {
			t.Errorf("%s/%s: contains %q", d.Source, d.ID, bad)
		}
		for _, host := range address.FindAllStringSubmatch(s, -1) {
			if !strings.HasSuffix(host[1], ".example") {
				t.Errorf("%s/%s: %s may be somebody's address", d.Source, d.ID, host[1])
			}
		}
	}
}

// TestRulesInUse keeps the company worth testing on: every rule of who may read occurs in it somewhere.
func TestRulesInUse(t *testing.T) {
	c := load(t)
	var newest time.Time
	for _, d := range c.documents {
		if d.Modified.After(newest) {
			newest = d.Modified
		}
	}
	used := map[string]bool{}
	for _, p := range c.policies {
		used[p.Inherit] = true
		used["two layers"] = used["two layers"] || len(p.Layers) > 1
		for _, l := range p.Layers {
			used["deny"] = used["deny"] || len(l.Deny) > 0
			for _, g := range l.Allow {
				used["beginning"] = used["beginning"] || !g.NotBefore.IsZero()
				used["expired"] = used["expired"] || !g.NotAfter.IsZero() && g.NotAfter.Before(newest)
				used["expiring"] = used["expiring"] || g.NotAfter.After(newest.AddDate(50, 0, 0))
			}
		}
	}
	for _, ct := range c.containers {
		if above, ok := c.containers[ref{ct.Source, ct.Parent}]; ok && above.Parent != "" {
			used["chain of three"] = true
		}
	}
	for _, rule := range []string{"", "INHERIT_RESTRICT", "INHERIT_EXTEND", "INHERIT_REPLACE", "two layers", "deny",
		"beginning", "expired", "expiring", "chain of three"} {
		if !used[rule] {
			t.Errorf("no policy of the company uses %q", rule)
		}
		delete(used, rule)
	}
	for rule := range used {
		t.Errorf("unknown inherit mode %q", rule)
	}
}
