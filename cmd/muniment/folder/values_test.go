package folder

import (
	"testing"
	"time"
)

func TestDates(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-31": "2024-01-31T00:00:00Z", "2024-01-31T10:20:30Z": "2024-01-31T10:20:30Z", "2024-01-31T10:20:30.5+02:00": "2024-01-31T08:20:30.5Z",
		"2024-01-31 10:20:30": "2024-01-31T10:20:30Z", "2024-01-31 10:20:30 +0200": "2024-01-31T08:20:30Z", "2024/01/31": "2024-01-31T00:00:00Z",
		"2024-01-31 10:20": "2024-01-31T10:20:00Z", "31 January 2024": "2024-01-31T00:00:00Z", "Jan 31, 2024": "2024-01-31T00:00:00Z",
		"2024-01-31 10:20:30 UTC": "2024-01-31T10:20:30Z", " 2024-1-31 ": "2024-01-31T00:00:00Z",
	} {
		if got, err := parseDate(text); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v %v, want %s", text, got, err, want)
		}
	}
	for _, bad := range []any{"", "soon", "01/02/2024", "2024-13-01", "2024-02-30", 2024, nil, true, "0000-01-01", time.Time{}, "2024-01-31 10:20:30 XYZ"} {
		if got, err := parseDate(bad); err == nil {
			t.Errorf("%v is taken for %v", bad, got)
		}
	}
}

func TestIntervals(t *testing.T) {
	leap := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"180 days": 180 * day, "1 day": day, "180d": 180 * day, "2 weeks": 14 * day, "6 months": 182*day + 12*time.Hour, "1 Year": 365 * day,
		"P6M": 182*day + 12*time.Hour, "P180D": 180 * day, "P1Y": 365 * day, "4320h": 180 * day, "15552000s": 180 * day,
	} {
		if got, err := parseInterval(text, time.Time{}); err != nil || got != want {
			t.Errorf("%q: %v %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]time.Duration{"1 month": 31 * day, "12 months": 366 * day, "1 year": 366 * day, "1 week": 7 * day} {
		if got, err := parseInterval(text, leap); err != nil || got != want {
			t.Errorf("%q from %v: %v %v, want %v", text, leap, got, err, want)
		}
	}
	for _, bad := range []string{"", "6", "6m", "0 days", "-1 days", "1.5 years", "99999 years", "9999999999h", "999999999999s", "months", "P", "P1H", "a year"} {
		if got, err := parseInterval(bad, leap); err == nil {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}

func TestTitles(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"a/leave.md", "", "leave"}, {"a/leave.md", "text\n\n## How *much* [leave](x) `n`?\n\n# Later\n", "How much leave n?"},
		{"x.md", "```\n# no\n```\n\nYes\n===\n", "Yes"}, {"x.md", "#\n\n# Two\n", "Two"}, {"x.markdown", "# a\x20&amp; b\n", "a &amp; b"},
		{"x.html", "<html><head><title> A &amp;\n B </title></head><body><h1>C</h1>", "A & B"}, {"x.htm", "<h1>C <b>d</b></h1><h1>E</h1>", "C d"},
		{"x.html", "<!-- <title>no</title> --><p>x", "x"}, {"x.html", "<h1>C</h1><title>T</title>", "T"},
		{"x.txt", "# no\n", "x"}, {"x.rst", "=====\nTitle\n=====\n\nOther\n-----\n", "Title"}, {"x.rst", "Title\n=====\n", "Title"}, {"x.rst", "Long title\n===\n", "x"},
		{"x.adoc", "// c\n= Title\n", "Title"}, {"x.org", "#+TITLE: Title\n* One\n", "Title"}, {"x.org", "* One\n", "One"}, {".md", "", ".md"},
	} {
		k, ok := kindOf(c.name)
		if !ok {
			t.Fatalf("%s is not read", c.name)
		}
		if got := titleOf(k, c.name, c.body); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.name, c.body, got, c.want)
		}
	}
	for _, other := range []string{"x", "x.png", "x.md.bak", "md", "x.pdf"} {
		if _, ok := kindOf(other); ok {
			t.Errorf("%s is read", other)
		}
	}
}

func TestWebAddresses(t *testing.T) {
	for _, c := range []struct{ remote, branch, want string }{
		{"https://github.com/org/repo.git", "main", "https://github.com/org/repo/blob/main"},
		{"https://ada:secret@github.com/org/repo", "main", "https://github.com/org/repo/blob/main"},
		{"git@github.com:org/repo.git", "a b", "https://github.com/org/repo/blob/a%20b"},
		{"ssh://git@github.com:22/org/repo.git", "", "https://github.com/org/repo/blob/HEAD"},
		{"https://gitlab.line.example/a/b/c.git", "main", "https://gitlab.line.example/a/b/c/-/blob/main"},
		{"git@codeberg.org:a/b.git", "main", "https://codeberg.org/a/b/src/branch/main"},
		{"https://bitbucket.org/a/b", "main", "https://bitbucket.org/a/b/src/main"},
		{"https://git.line.example/a/b", "main", ""}, {"/srv/repos/github.com/a/b", "main", ""}, {"file:///srv/a/b", "main", ""}, {"", "main", ""},
		{"https://github.com/repo", "main", ""}, {"C:/a/b", "main", ""}, {"https://github.com/../a/b", "main", ""},
	} {
		if got := webBase(c.remote, c.branch); got != c.want {
			t.Errorf("%q on %q: %q, want %q", c.remote, c.branch, got, c.want)
		}
	}
	if got := joined("https://docs.line.example/x/", "a b/ü#?.md"); got != "https://docs.line.example/x/a%20b/%C3%BC%23%3F.md" {
		t.Errorf("joined: %s", got)
	}
}
