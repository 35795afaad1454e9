package folder

import (
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// overlay reads front matter into a document that a folder has made.
func overlay(text string) (doc *pb.Document, warnings []string, refusal *Refusal) {
	doc = &pb.Document{Source: "s", Id: "guide/leave.md", Policy: parentsAnswer(), Sensitivity: proto.String("internal")}
	fm, _, refusal, warning := readFrontMatter(text)
	a := apply{fm: fm, doc: doc, file: doc.GetId()}
	if warning != nil {
		a.warnings = append(a.warnings, warning.Error())
	}
	if refusal == nil {
		if refusal = a.access(false); refusal == nil {
			a.content(OwnerMap{"@ada": "user:corp/1"}, false, "")
		}
	}
	return doc, a.warnings, refusal
}

func TestFrontMatter(t *testing.T) {
	const closed = `"policy": {"inherit": "INHERIT_EXTEND"}, "sensitivity": "internal"`
	for name, c := range map[string]struct{ text, want, warns string }{
		"none":          {"# Leave\n", closed, ""},
		"empty":         {"---\n---\n# Leave", closed, ""},
		"a rule":        {"---\n\n# Leave\n\ntext: more\n", closed, ""},
		"Hugo":          {"---\ntitle: Leave\ndate: 2020-01-02\nlastmod: 2024-05-06T07:08:09+02:00\ntags: [hr, time off]\ncategories: people\npublishDate: 2024-01-01\nexpiryDate: 2030-01-01\n---\n", `"title": "Leave", "modified": "2024-05-06T05:08:09Z", "labels": {"tag:hr": "true", "tag:time off": "true", "category:people": "true"}, "valid_from": "2024-01-01T00:00:00Z", "valid_until": "2030-01-01T00:00:00Z", ` + closed, ""},
		"Hugo in TOML":  {"+++\ntitle = 'Leave'\ndate = 2020-01-02\ntags = ['hr']\n+++\ntext", `"title": "Leave", "modified": "2020-01-02T00:00:00Z", "labels": {"tag:hr": "true"}, ` + closed, ""},
		"Hugo in JSON":  {"{\n\"title\": \"Leave\",\n\"weight\": 3}\n\ntext", `"title": "Leave", ` + closed, ""},
		"a template":    {"{{ include }}\ntext", closed, ""},
		"Jekyll":        {"---\ntitle: 7\nlast_modified_at: 2021-03-04 05:06:07 -0700\n---\n", `"title": "7", "modified": "2021-03-04T12:06:07Z", ` + closed, ""},
		"Docusaurus":    {"---\nlast_update: {date: 1/2/2024, author: ada}\nkeywords: [x]\n---\n", closed, "lastupdate left out"},
		"Docusaurus 2":  {"---\nlast_update: {date: 2024-02-01, author: ada}\n---\n", `"modified": "2024-02-01T00:00:00Z", ` + closed, ""},
		"VitePress":     {"---\nlastUpdated: true\n---\n", closed, ""},
		"GOV.UK":        {"---\nowner: group:docs\nlast_reviewed_on: 2024-01-31\nreview_in: 6 months\n---\n", `"owner": "group:docs", "verified": {"by": "group:docs", "at": "2024-01-31T00:00:00Z"}, "review_interval": "15724800s", ` + closed, ""},
		"no reviewer":   {"---\nlast_reviewed_on: 2024-01-31\nreview_in: 10 days\n---\n", `"review_interval": "864000s", ` + closed, "add verified_by"},
		"reviewer":      {"---\nverified: {by: '@ada', at: 2024-01-31}\n---\n", `"verified": {"by": "user:corp/1", "at": "2024-01-31T00:00:00Z"}, ` + closed, ""},
		"bad reviewer":  {"---\nowner: group:docs\nverified: 2024-01-31\nverified_by: Ada L\n---\n", `"owner": "group:docs", ` + closed, "verified by"},
		"policy":        {"---\npolicy: {inherit: INHERIT_REPLACE, layers: [{allow: [{principal: group:hr, not_after: 2030-01-01}], deny: [{principal: 'user:local/eve'}]}]}\nsensitivity: restricted\n---\n", `"policy": {"inherit": "INHERIT_REPLACE", "layers": [{"allow": [{"principal": "group:hr", "not_after": "2030-01-01T00:00:00Z"}], "deny": [{"principal": "user:local/eve"}]}]}, "sensitivity": "restricted"`, ""},
		"nobody":        {"---\nAccess: {layers: []}\n---\n", `"policy": {}, "sensitivity": "internal"`, ""},
		"readers":       {"---\nreaders: [group:hr, everyone]\n---\n", `"policy": {"layers": [{"allow": [{"principal": "group:hr"}, {"principal": "everyone"}]}]}, "sensitivity": "internal"`, ""},
		"one reader":    {"---\nreaders: everyone\n---\n", `"policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}, "sensitivity": "internal"`, ""},
		"other words":   {"---\nlayout: page\nparams: {policy: x}\n---\n", closed, ""},
		"bad owner":     {"---\nowner: Jo Doe\ntitle: T\n---\n", `"title": "T", ` + closed, "owner left out"},
		"mapped owner":  {"---\nowner: '@ada'\n---\n", `"owner": "user:corp/1", ` + closed, ""},
		"a team":        {"---\nowner: '@org/docs'\n---\n", `"owner": "group:org/docs", ` + closed, ""},
		"bad dates":     {"---\nlastmod: soon\nvalid_from: 2025-01-01\nvalid_until: 2024-01-01\nreview_in: a while\n---\n", closed, "lastmod left out|valid_until left out|reviewin left out"},
		"labels":        {"---\nlabels: {a: 1, b: yes, c: 2024-01-01}\nretention_class: guidance\n---\n", `"labels": {"a": "1", "b": "yes", "c": "2024-01-01"}, "retention_class": "guidance", ` + closed, ""},
		"bad labels":    {"---\nlabels: {a: [1]}\n---\n", closed, "labels left out"},
		"supersedes":    {"---\nsupersedes: [./old.md, ../top.md, /a/b.md, guide/leave.md, ../../etc]\n---\n", `"supersedes": [{"source": "s", "id": "guide/old.md"}, {"source": "s", "id": "top.md"}, {"source": "s", "id": "a/b.md"}], ` + closed, "guide/leave.md|../../etc"},
		"superseded":    {"---\nsuperseded_by: ./new.md\n---\n", `"superseded_by": [{"source": "s", "id": "guide/new.md"}], ` + closed, ""},
		"uri":           {"---\ncanonical_url: https://docs.line.example/leave\n---\n", `"uri": "https://docs.line.example/leave", ` + closed, ""},
		"bad uri":       {"---\nuri: javascript:alert(1)\n---\n", closed, "uri left out"},
		"NUL":           {"---\ntitle: \"a\\0b\"\n---\n", closed, "title left out"},
		"bad YAML":      {"---\ntitle: Leave: how\n---\n# Leave\n", closed, "front matter left out"},
		"a list":        {"---\n- a\n---\n", closed, "front matter left out"},
		"too long":      {"---\nx: " + strings.Repeat("y", maxFrontMatter) + "\n---\n", closed, "front matter left out"},
		"CRLF":          {"---\r\ntitle: Leave\r\n---\r\n", `"title": "Leave", ` + closed, ""},
		"closed by ...": {"---\ntitle: Leave\n...\n", `"title": "Leave", ` + closed, ""},
	} {
		doc, warnings, refusal := overlay(c.text)
		if refusal != nil {
			t.Errorf("%s: refused: %v", name, refusal)
			continue
		}
		want := &pb.Document{}
		if err := protojson.Unmarshal([]byte(`{"source": "s", "id": "guide/leave.md", `+c.want+`}`), want); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !proto.Equal(doc, want) {
			t.Errorf("%s:\n got %v\nwant %v", name, doc, want)
		}
		said := strings.Join(warnings, "\n")
		if (c.warns == "") != (said == "") {
			t.Errorf("%s: warns %q, want %q", name, said, c.warns)
		}
		for part := range strings.SplitSeq(c.warns, "|") {
			if !strings.Contains(said, part) {
				t.Errorf("%s: warns %q, want %q", name, said, part)
			}
		}
	}
}

// TestUncertainReadersKeepADocumentOut: whatever might have said who may read a document,
// and cannot be understood, refuses it.
func TestUncertainReadersKeepADocumentOut(t *testing.T) {
	for name, text := range map[string]string{
		"a word":            "---\naccess: public\n---\n",
		"nothing":           "---\npolicy:\n---\n",
		"an unknown key":    "---\npolicy: {layers: [], visibility: all}\n---\n",
		"an unknown mode":   "---\npolicy: {inherit: INHERIT_NOTHING}\n---\n",
		"a mode by number":  "---\npolicy: {inherit: 9, layers: []}\n---\n",
		"a bad principal":   "---\npolicy: {layers: [{allow: [{principal: staff}]}]}\n---\n",
		"a bad reader":      "---\nreaders: [staff]\n---\n",
		"no readers":        "---\nreaders: []\n---\n",
		"a bad time":        "---\npolicy: {layers: [{allow: [{principal: everyone, not_after: soon}]}]}\n---\n",
		"two policies":      "---\npolicy: {layers: []}\naccess: {layers: []}\n---\n",
		"policy twice":      "---\npolicy: {layers: []}\npolicy: {layers: [{allow: [{principal: everyone}]}]}\n---\n",
		"in two spellings":  "---\npolicy: {layers: []}\nPolicy: {layers: [{allow: [{principal: everyone}]}]}\n---\n",
		"labels":            "---\nsensitivity: [a]\n---\n",
		"an empty label":    "---\nsensitivity: ''\n---\n",
		"broken YAML":       "---\ntitle: a: b\npolicy: {layers: []}\n---\n",
		"broken flow":       "---\n{title: x, \"policy\": {layers: []}\n---\n",
		"broken TOML":       "+++\ntitle = x\npolicy = {layers = []}\n+++\n",
		"broken JSON":       "{\"title\": \"x\" \"policy\": {\"layers\": []}}\n",
		"JSON twice":        "{\"policy\": {\"layers\": []}, \"policy\": {\"layers\": [{\"allow\": [{\"principal\": \"everyone\"}]}]}}\n",
		"never closed":      "---\ntitle: x\nreaders: [group:hr]\n\n# Text\n",
		"TOML never closed": "+++\nreaders = ['group:hr']\n\n# Text\n",
		"too long":          "---\nreaders: group:hr\nx: " + strings.Repeat("y", maxFrontMatter) + "\n---\n",
		"an alias bomb":     "---\na: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\npolicy: {layers: []}\n---\n",
	} {
		if doc, _, refusal := overlay(text); refusal == nil {
			if name == "an alias bomb" && len(doc.GetPolicy().GetLayers()) == 0 && doc.GetPolicy().GetInherit() == 0 {
				continue // read in full, policy and all
			}
			t.Errorf("%s: not refused: %v", name, doc)
		}
	}
}

// FuzzFrontMatter: any text is read without a panic into fields that the contract takes,
// and text that names readers never ends as a document that leaves them to its folder.
func FuzzFrontMatter(f *testing.F) {
	for _, s := range []string{
		"---\ntitle: x\n---\ny", "+++\na = 1\n+++\n", "{\"a\": 1}\n", "---\npolicy: {layers: []}\n---\n", "---\nreaders: [everyone]\n...\n",
		"---\nsupersedes: [a, ./b]\nlabels: {a: b}\ntags: a, b\n---\n", "---\nlast_reviewed_on: 2024-01-31\nreview_in: 6 months\nowner: group:x\n---\n", "---\n<<: {policy: 1}\n---\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return // never gets here
		}
		doc, warnings, refusal := overlay(text)
		if refusal != nil {
			return
		}
		if _, err := proto.Marshal(doc); err != nil {
			t.Fatalf("not a message: %v", err)
		}
		if doc.GetReviewInterval() != nil && doc.GetReviewInterval().AsDuration() <= 0 || len(doc.GetLabels()) > 256 || len(doc.GetSupersedes()) > 256 {
			t.Fatalf("over a limit: %v", doc)
		}
		if strings.HasPrefix(text, "---\nreaders: ") && strings.Contains(text, "\n---\n") && doc.GetPolicy().GetInherit() == pb.Inherit_INHERIT_EXTEND {
			t.Fatalf("the readers were dropped: %v (%q)", doc, warnings)
		}
	})
}
