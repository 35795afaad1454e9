package freshness

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Declaration is what a document's title and text declare of its place among others. Each is the
// id of a document of the same source or, with "://" in it, an address.
type Declaration struct {
	ReplacedBy []string // these replace the document
	Replaces   []string // the document replaces these
}

// Where a declaration is read, and how much of it. Looked for anywhere, the same words are right
// about half the time.
const (
	frontMatterBytes = 4 << 10 // at the beginning of the text
	bannerRunes      = 500     // of the text behind it
	mostDeclared     = 16
)

// Declared reads what the document of that id declares in its front matter, its title, or a banner
// above its text: "superseded_by: new.md", "Superseded by [the new policy](new.md)". What does not
// name a document by a link or an id is not read at all.
//
// The words are looked for one by one, which takes some microseconds; a regular expression takes a
// hundred times that.
func Declared(id, title, text string) Declaration {
	d := reading{id: id}
	if speaks(title) {
		d.sentence(title, true)
	}
	block, body := frontMatterOf(text[:min(len(text), frontMatterBytes+utf8.UTFMax*bannerRunes)])
	if speaks(block) {
		d.frontMatter(block)
	}
	if above := firstRunes(body, bannerRunes); speaks(above) {
		d.banner(above)
	}
	return d.Declaration
}

// speaks reports whether a word of succession is in the text at all.
func speaks(text string) bool {
	low := folded(text)
	for _, w := range []string{"supersed", "replac", "obsolet", "deprecat", "moved to"} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// folded folds ASCII alone, so that offsets stay.
func folded(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// reading collects what is declared.
type reading struct {
	Declaration
	id string
}

func (d *reading) add(to *[]string, ref string) {
	if ref == "" || ref == d.id || len(ref) > 1024 || len(*to) == mostDeclared || !utf8.ValidString(ref) || strings.ContainsRune(ref, 0) {
		return
	}
	if !slices.Contains(*to, ref) {
		*to = append(*to, ref)
	}
}

// frontMatterOf separates a leading block between lines "---" or "+++" from the text.
func frontMatterOf(text string) (block, body string) {
	text = strings.TrimPrefix(text, "\ufeff")
	mark, rest, _ := strings.Cut(text, "\n")
	if mark = strings.TrimRight(mark, " \r"); mark != "---" && mark != "+++" {
		return "", text
	}
	for at := 0; at < len(rest); {
		end := len(rest)
		if n := strings.IndexByte(rest[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		if line := strings.TrimRight(rest[at:end], " \r\n"); line == mark || mark == "---" && line == "..." {
			return rest[:at], rest[end:]
		}
		at = end
	}
	return "", text
}

// Names of front matter that declare, in small letters and without "-" and "_".
var (
	ReplacedByNames = []string{"supersededby", "replacedby", "obsoletedby", "deprecatedby", "successor"}
	ReplacesNames   = []string{"supersedes", "replaces", "obsoletes"}
)

// frontMatter reads "name: value", "name: [a, b]", a list below the name, and `name = "value"`.
func (d *reading) frontMatter(block string) {
	var list *[]string // that a line "- value" belongs to
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, " \r\n")
		if item, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "- "); ok && list != nil {
			d.add(list, fromTop(d.id, item))
			continue
		}
		list = nil
		at := strings.IndexAny(line, ":=")
		if at < 0 {
			continue
		}
		switch name := strings.NewReplacer("-", "", "_", "", " ", "", `"`, "").Replace(folded(line[:at])); {
		case slices.Contains(ReplacedByNames, name):
			list = &d.ReplacedBy
		case slices.Contains(ReplacesNames, name):
			list = &d.Replaces
		default:
			continue
		}
		value := strings.Trim(strings.TrimSpace(line[at+1:]), "[]")
		for one := range strings.SplitSeq(value, ",") {
			d.add(list, fromTop(d.id, one))
		}
	}
}

// fromTop is the document that front matter names: beside its own if that begins with "./" or
// "../", else from the top of the source.
func fromTop(id, ref string) string {
	ref = strings.Trim(strings.TrimSpace(ref), `"'`)
	switch {
	case ref == "", strings.ContainsAny(ref, " \t"):
		return "" // words, that name nothing
	case strings.Contains(ref, "://"):
		return ref
	}
	top, ok := Beside(id, ref)
	if !ok {
		return ""
	}
	return top
}

// Beside is the id that a reference in front matter has, if ids are paths: beside the document
// of that id if it begins with "./" or "../", else from the top. It reports false for what is no
// path below the top.
func Beside(id, ref string) (string, bool) {
	if strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../") {
		ref = path.Join(path.Dir(id), ref)
	} else {
		ref = strings.TrimPrefix(path.Clean(ref), "/")
	}
	return ref, ref != "" && ref != "." && ref != ".." && !strings.HasPrefix(ref, "../")
}
