package folder

import (
	"slices"
	"strings"
	"testing"
)

// The example of GitHub's documentation of the syntax, and what it says there of each line.
const codeownersExample = `# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs2@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat2
/apps2/ @octocat
/apps2/github
`

func TestCodeowners(t *testing.T) {
	c, problems := parseCodeowners(codeownersExample)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, want := range map[string]string{
		"README.md": "@global-owner1 @global-owner2", "a/b.js": "@js-owner", "x.go": "docs@example.com", "a/x.txt": "@octo-org/octocats",
		"build/logs/a/b.md": "@octocat2", "x/build/logs": "@octocat2", "x/docs/getting-started.md": "@global-owner1 @global-owner2",
		"docs/getting-started.md": "@doctocat", "docs/build-app/troubleshooting.md": "@doctocat",
		"x/apps/y/z.md": "@octocat", "scripts/a": "@doctocat @octocat", "a/b/logs/c.md": "@octocat2", "logs": "@octocat2",
		"apps2/x.md": "@octocat", "apps2/github/x.md": "", "apps2/github": "",
	} {
		if got := strings.Join(c.ownersOf(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	only, _ := parseCodeowners("docs/* docs@example.com\n")
	if only.ownersOf("docs/a.md") == nil || only.ownersOf("docs/a/b.md") != nil {
		t.Error("docs/* means more or less than the files in docs")
	}
	odd, problems := parseCodeowners("\ufeff[Section]\n!x @a\n\\#y @b\na\\ b.md @c\n   \n#\n")
	if len(problems) != 2 || len(odd.rules) != 2 || odd.ownersOf("a b.md") == nil || odd.ownersOf("#y") == nil {
		t.Errorf("problems %q, rules %v", problems, odd.rules)
	}
}

func TestOwnerMap(t *testing.T) {
	m, err := ParseOwnerMap([]byte("'@ada': user:corp/1\nb@line.example: user:corp/2\n'@org/t': group:t\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"@ada": "user:corp/1", "b@line.example": "user:corp/2", "@org/t": "group:t", "@org/u": "group:org/u", "@Bob": "user:local/Bob",
		"c@line.example": "", "@": "", "bob": "", "@a b": "",
	} {
		if got, ok := m.principal(name); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %t, want %q", name, got, ok, want)
		}
	}
	for _, bad := range []string{"'@ada': ada", "- a", "a: [b]"} {
		if m, err := ParseOwnerMap([]byte(bad)); err == nil {
			t.Errorf("%s is taken for %v", bad, m)
		}
	}
}

// FuzzCodeowners: any text is read without a panic; the last rule that matches decides.
func FuzzCodeowners(f *testing.F) {
	f.Add(codeownersExample, "docs/a.md")
	f.Add("a\\ b @x\n[x]\n!", "a b")
	f.Fuzz(func(t *testing.T, text, name string) {
		if name == "" {
			return
		}
		c, _ := parseCodeowners(text)
		got := c.ownersOf(name)
		all := codeowners{rules: append(slices.Clone(c.rules), ownerRule{pattern: pattern{segments: []string{"**"}}, owners: []string{"@last"}})}
		if last := all.ownersOf(name); len(last) != 1 || last[0] != "@last" {
			t.Fatalf("a last rule for all does not decide: %q, before it %q", last, got)
		}
	})
}
