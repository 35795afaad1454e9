package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

func everyone(t *testing.T) *pb.Policy {
	t.Helper()
	p, err := Readers("everyone")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func scanned(t *testing.T, cfg Config) (*Folder, *Tree) {
	t.Helper()
	f, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := f.Scan(t.Context(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close(); f.Close() })
	return f, tree
}

// planted makes a tree of files, all of one time.
func planted(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), text)
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func names0(tree *Tree) (list []string) {
	for _, f := range tree.Files {
		list = append(list, f.Name)
	}
	return list
}

// TestTree reads a tree with everything in it, and compares all that would be sent.
func TestTree(t *testing.T) {
	dir := planted(t, map[string]string{
		".muniment.yaml":        "readers: [group:staff]\nowner: group:docs\nlabels: {team: docs}\nreview_interval: 180 days\nignore: [/drafts/, '*.tmp.md']\n",
		"README.md":             "# Welcome\n\nText.\n",
		"people/.muniment.yaml": "policy: {layers: [{allow: [{principal: group:hr}]}]}\nsensitivity: confidential\nlabels: {floor: 2}\nretention_class: hr\n",
		"people/leave.md":       "---\ntitle: Leave\nowner: '@ada'\nreviewed_on: 2026-01-01\nreview_in: 1 year\n---\nText.\n",
		"people/pay/pay.html":   "<title>Pay</title><p>Text.",
		"people/pay/open.txt":   "---\nreaders: everyone\nsensitivity: public\n---\nOpen.\n",
		"people/pay/refused.md": "---\naccess: hr only\n---\nText.\n",
		"people/pay/draft.md":   "---\ndraft: true\n---\nText.\n",
		"drafts/x.md":           "x",
		"a.tmp.md":              "x",
		"empty/picture.png":     "x",
		"node_modules/x/x.md":   "x",
		".hidden/x.md":          "x",
		".x.md":                 "x",
		".gitignore":            "build/\n!important.md\n",
		"build/x.md":            "x",
		"docs/CODEOWNERS":       "*.md @org/writers\n/people/ ada@line.example\n",
		"docs/latin1.txt":       "caf\xe9",
		"docs/nul.txt":          "a\x00b",
		"docs/bom.md":           "\ufeff---\ntitle: BOM\n---\nText.\n",
	})
	_, tree := scanned(t, Config{Dir: dir, Source: "wiki", URIBase: "https://docs.line.example/w"})
	const container = `{"source": "wiki", "id": %q, "parent": %q%s}`
	var containers []string
	for _, c := range tree.Containers {
		containers = append(containers, c.GetId())
	}
	for i, want := range []string{
		`{"source": "wiki", "id": "/", "policy": {"layers": [{"allow": [{"principal": "group:staff"}]}]}}`,
		fmt.Sprintf(container, "docs", "/", ""),
		fmt.Sprintf(container, "people", "/", `, "policy": {"layers": [{"allow": [{"principal": "group:hr"}]}]}`),
		fmt.Sprintf(container, "people/pay", "people", ""),
	} {
		c := &pb.Container{}
		if err := protojson.Unmarshal([]byte(want), c); err != nil {
			t.Fatal(err)
		}
		if len(tree.Containers) != 4 || !proto.Equal(c, tree.Containers[i]) {
			t.Fatalf("containers %v, want as number %d %v", containers, i, c)
		}
	}
	got := map[string]string{}
	for _, f := range tree.Files {
		d, warnings, err := tree.Document(f)
		if refusal, ok := errors.AsType[*Refusal](err); ok {
			got[f.Name] = "refused: " + refusal.Field
			continue
		}
		if err != nil {
			got[f.Name] = err.Error()
			continue
		}
		if len(warnings) > 0 {
			t.Errorf("%s: %q", f.Name, warnings)
		}
		if d.Version <= 0 {
			t.Errorf("%s: version %d", f.Name, d.Version)
		}
		d.Version, d.Text = 0, d.Text[:0]
		want := &pb.Document{}
		text, ok := map[string]string{
			"README.md": `"title": "Welcome", "mime": "text/markdown", "owner": "group:org/writers", "container": "/", "labels": {"team": "docs"}, "sensitivity": "internal"`,
			"people/leave.md": `"title": "Leave", "mime": "text/markdown", "owner": "user:local/ada", "container": "people", "labels": {"team": "docs", "floor": "2"}, "sensitivity": "confidential",
				"retention_class": "hr", "verified": {"by": "user:local/ada", "at": "2026-01-01T00:00:00Z"}, "review_interval": "31536000s"`,
			"people/pay/pay.html": `"title": "Pay", "mime": "text/html", "owner": "group:docs", "container": "people/pay", "labels": {"team": "docs", "floor": "2"}, "sensitivity": "confidential", "retention_class": "hr"`,
			"people/pay/open.txt": `"title": "open", "mime": "text/plain", "owner": "group:docs", "container": "people/pay", "labels": {"team": "docs", "floor": "2"}, "sensitivity": "public", "retention_class": "hr",
				"policy": {"layers": [{"allow": [{"principal": "everyone"}]}]}`,
			"docs/bom.md": `"title": "BOM", "mime": "text/markdown", "owner": "group:org/writers", "container": "docs", "labels": {"team": "docs"}, "sensitivity": "internal"`,
		}[f.Name]
		if !ok {
			t.Errorf("%s is a document: %v", f.Name, d)
			continue
		}
		if !strings.Contains(text, `"policy"`) {
			text += `, "policy": {"inherit": "INHERIT_EXTEND"}`
		}
		if !strings.Contains(text, "review_interval") {
			text += `, "review_interval": "15552000s"`
		}
		text = `{"source": "wiki", "id": "` + f.Name + `", "uri": "https://docs.line.example/w/` + f.Name + `", "modified": "2026-03-01T00:00:00Z", ` + text + `}`
		if err := protojson.Unmarshal([]byte(text), want); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, d, protocmp.Transform()); diff != "" {
			t.Errorf("%s: -want +got\n%s", f.Name, diff)
		}
		got[f.Name] = "document"
	}
	if diff := cmp.Diff(map[string]string{
		"README.md": "document", "people/leave.md": "document", "people/pay/pay.html": "document", "people/pay/open.txt": "document", "docs/bom.md": "document",
		"people/pay/refused.md": "refused: access", "people/pay/draft.md": string(Draft), "docs/latin1.txt": string(NotText), "docs/nul.txt": string(NotText),
	}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if tree.Skipped[OtherType] != 2 { // the picture, and CODEOWNERS
		t.Errorf("skipped %v", tree.Skipped)
	}
}

// TestLinksAreNotFollowed: neither to a secret outside, nor from a folder for everyone to
// one that is not, nor in a circle.
func TestLinksAreNotFollowed(t *testing.T) {
	outside := planted(t, map[string]string{"secret.md": "secret"})
	dir := planted(t, map[string]string{"a.md": "a", "closed/b.md": "b"})
	for link, to := range map[string]string{"out.md": filepath.Join(outside, "secret.md"), "outdir": outside, "in.md": "closed/b.md", "loop": ".", "none.md": "nowhere", "indir": "closed"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	_, tree := scanned(t, Config{Dir: dir, Source: "s", Policy: everyone(t)})
	if got := names0(tree); !slices.Equal(got, []string{"a.md", "closed/b.md"}) || tree.Skipped[Link] != 6 {
		t.Errorf("files %q, skipped %v", got, tree.Skipped)
	}
	// What was a file or a folder at the scan, and is a link when it is read.
	for _, swap := range []struct{ name, to, read string }{{"a.md", filepath.Join(outside, "secret.md"), "a.md"}, {"closed", outside, "closed/b.md"}} {
		if err := os.RemoveAll(filepath.Join(dir, swap.name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(swap.to, filepath.Join(dir, swap.name)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(outside, "b.md"), "secret")
		for _, f := range tree.Files {
			if f.Name == swap.read {
				if d, _, err := tree.Document(f); err == nil {
					t.Errorf("%s was read through a link: %v", f.Name, d)
				}
			}
		}
	}
	// The root itself may be reached by a link.
	byLink := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(outside, byLink); err != nil {
		t.Fatal(err)
	}
	if _, tree := scanned(t, Config{Dir: byLink, Source: "s", Policy: everyone(t)}); len(tree.Files) != 2 {
		t.Errorf("files %q", names0(tree))
	}
}

// TestSettingsAreStrict: a .muniment.yaml with a mistake stops everything and is named,
// with the key.
func TestSettingsAreStrict(t *testing.T) {
	for text, says := range map[string]string{
		"polcy: {layers: []}":                       "polcy",
		"policy:":                                   "policy",
		"policy: everyone":                          "policy",
		"policy: {layers: [{alow: []}]}":            "policy",
		"policy: {layers: []}\nreaders: [everyone]": "readers",
		"readers: staff":                            "readers",
		"readers: []":                               "readers",
		"owner: Ada":                                "owner",
		"review_interval: often":                    "review_interval",
		"labels: [a]":                               "labels",
		"labels: {a: [b]}":                          "labels",
		"ignore: '*.md'":                            "ignore",
		"ignore: ['#x']":                            "ignore",
		"sensitivity: [a]":                          "sensitivity",
		"sensitivity: {}":                           "sensitivity",
		"- a":                                       "line 1",
		"owner: [":                                  "yaml",
		"owner: group:a\nowner: group:b":            "owner",
		"readers: everyone\n---\npolicy: {layers: []}": "more than one",
		"Owner: group:a": "Owner",
	} {
		dir := planted(t, map[string]string{"a.md": "a", "sub/.muniment.yaml": text + "\n", "sub/b.md": "b"})
		f, err := Open(Config{Dir: dir, Source: "s", Policy: everyone(t)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Scan(t.Context(), time.Now())
		if err == nil || !strings.Contains(err.Error(), filepath.Join("sub", SettingsFile)) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want the file and %q", text, err, says)
		}
		f.Close()
	}
	for _, name := range []string{".muniment.yml", ".muniment.json"} {
		f, err := Open(Config{Dir: planted(t, map[string]string{name: "policy: {layers: []}"}), Source: "s", Policy: everyone(t)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Scan(t.Context(), time.Now()); err == nil || !strings.Contains(err.Error(), SettingsFile) {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
}

func TestTheRootNeedsAPolicy(t *testing.T) {
	open := func(files map[string]string, p *pb.Policy) error {
		f, err := Open(Config{Dir: planted(t, files), Source: "s", Policy: p})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		_, err = f.Scan(t.Context(), time.Now())
		return err
	}
	if err := open(map[string]string{"a.md": "a", "sub/.muniment.yaml": "readers: everyone\n"}, nil); !errors.Is(err, ErrNoPolicy) {
		t.Errorf("no policy at the root: %v", err)
	}
	if err := open(map[string]string{".muniment.yaml": "owner: group:x\n"}, nil); !errors.Is(err, ErrNoPolicy) {
		t.Errorf("settings without a policy: %v", err)
	}
	if err := open(map[string]string{".muniment.yaml": "policy: {layers: []}\n"}, nil); err != nil {
		t.Errorf("a policy that admits nobody: %v", err)
	}
	if err := open(map[string]string{".muniment.yaml": "readers: group:x\n"}, everyone(t)); err == nil || !strings.Contains(err.Error(), SettingsFile) {
		t.Errorf("two policies: %v", err)
	}
	if err := open(map[string]string{".muniment.yaml": ""}, everyone(t)); err != nil {
		t.Errorf("empty settings: %v", err)
	}
}

func TestLimitsOfTheTree(t *testing.T) {
	dir := t.TempDir()
	deep := ""
	for i := range 16 {
		deep = filepath.Join(deep, fmt.Sprint("d", i))
		writeFile(t, filepath.Join(dir, deep, "x.md"), "x")
	}
	writeFile(t, filepath.Join(dir, "large.md"), strings.Repeat("x", maxText+1))
	writeFile(t, filepath.Join(dir, "just.md"), strings.Repeat("x", maxText))
	writeFile(t, filepath.Join(dir, "bad\xff.md"), "x")
	_, tree := scanned(t, Config{Dir: dir, Source: "s", Policy: everyone(t)})
	if len(tree.Files) != 16 || len(tree.Containers) != 16 || tree.Skipped[TooLarge] != 1 || tree.Skipped[BadName] != 2 || len(tree.Notes) != 3 {
		t.Errorf("%d files, %d containers, skipped %v, notes %q", len(tree.Files), len(tree.Containers), tree.Skipped, tree.Notes)
	}
}

// TestUnreadableFoldersStop: what is in them would look deleted.
func TestUnreadableFoldersStop(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := planted(t, map[string]string{"a.md": "a", "sub/b.md": "b"})
	if err := os.Chmod(filepath.Join(dir, "sub"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "sub"), 0o755) })
	f, err := Open(Config{Dir: dir, Source: "s", Policy: everyone(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Scan(t.Context(), time.Now()); err == nil || !strings.Contains(err.Error(), "sub") || !strings.Contains(err.Error(), "ignore:") {
		t.Errorf("%v", err)
	}
}

// TestFolderInRepository: patterns and owners above the folder count in it, with paths
// from the top of the repository; addresses are those of the remote, without its password.
func TestFolderInRepository(t *testing.T) {
	dir := repository(t)
	runGit(t, dir, "remote", "add", "origin", "https://ada:secret@github.com/line/handbook.git")
	writeFile(t, filepath.Join(dir, ".gitignore"), "private.md\n/guide/left/\n")
	writeFile(t, filepath.Join(dir, ".git", "info", "exclude"), "mine.md\n")
	writeFile(t, filepath.Join(dir, ".github", "CODEOWNERS"), "/guide/ @line/guides\n/deep/ @line/wrong\n")
	for _, name := range []string{"private.md", "mine.md", "left/x.md", "untracked.md"} {
		writeFile(t, filepath.Join(dir, "guide", name), "x")
	}
	_, tree := scanned(t, Config{Dir: filepath.Join(dir, "guide"), Source: "s", Policy: everyone(t)})
	if got := names0(tree); !slices.Equal(got, []string{"b.md", "deep/c.md", "untracked.md"}) {
		t.Errorf("files %q", got)
	}
	for _, f := range tree.Files {
		d, _, err := tree.Document(f)
		if err != nil {
			t.Fatal(err)
		}
		want := "https://github.com/line/handbook/blob/main/guide/" + f.Name
		if f.Name == "untracked.md" {
			want = ""
		}
		if d.GetUri() != want || d.GetOwner() != "group:line/guides" {
			t.Errorf("%s: address %q, owner %q", f.Name, d.GetUri(), d.GetOwner())
		}
	}
}

// TestVersions: the version follows whatever shapes the content, and never lies in the
// future; permissions alone leave it.
func TestVersions(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	at := func(day int) time.Time { return time.Date(2026, 4, day, 0, 0, 0, 0, time.UTC) }
	if got := Version(at(3), now); got != at(3).UnixMicro() {
		t.Errorf("%d", got)
	}
	if got := Version(now.Add(time.Hour), now); got != now.UnixMicro() {
		t.Errorf("in the future: %d", got)
	}
	if got := Version(time.Unix(-5, 0), now); got != 0 {
		t.Errorf("before 1970: %d", got)
	}
	s, err := parseSettings([]byte("owner: group:x\n"), at(4))
	if err != nil || !(defaults{changed: at(2)}).below(s).changed.Equal(at(4)) {
		t.Errorf("%v %v", s, err)
	}
	s, err = parseSettings([]byte("readers: everyone\nsensitivity: public\nignore: [x]\n"), at(4))
	if err != nil || !s.defaults.changed.IsZero() {
		t.Errorf("what says nothing of the content counts as a change of it: %v %v", s, err)
	}
}

// TestStamps: a stamp is equal exactly if nothing changed that shapes the document, and is
// trusted only when the file has been left alone for a while.
func TestStamps(t *testing.T) {
	dir := planted(t, map[string]string{"a.md": "a", "b.md": "b"})
	f, err := Open(Config{Dir: dir, Source: "s", Policy: everyone(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stamps := func(now time.Time) (a, b Stamp, settled bool) {
		t.Helper()
		tree, err := f.Scan(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		a, settled, err = tree.Stamp(tree.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		if b, _, err = tree.Stamp(tree.Files[1]); err != nil {
			t.Fatal(err)
		}
		return a, b, settled
	}
	later := time.Now().Add(time.Hour)
	a1, b1, settled := stamps(later)
	if a2, b2, _ := stamps(later.Add(time.Minute)); a1 != a2 || b1 != b2 || !settled || a1 == b1 {
		t.Errorf("nothing changed: %t %t settled %t", a1 == a2, b1 == b2, settled)
	}
	if _, _, settled := stamps(time.Now()); settled {
		t.Error("a file that was written just now is trusted")
	}
	writeFile(t, filepath.Join(dir, "a.md"), "c")
	a2, b2, _ := stamps(later)
	if a1 == a2 || b1 != b2 {
		t.Errorf("one file changed: %t %t", a1 == a2, b1 == b2)
	}
	writeFile(t, filepath.Join(dir, SettingsFile), "review_interval: 1 year\n")
	if a3, b3, _ := stamps(later); a2 == a3 || b2 == b3 {
		t.Error("a default changed and the stamps did not")
	}
}
