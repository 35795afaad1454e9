package freshness

import (
	"path"
	"strconv"
	"strings"
)

// banner reads the sentences above a text.
func (d *reading) banner(text string) {
	for line := range strings.Lines(text) {
		for {
			end := sentenceEnd(line)
			d.sentence(line[:end], false)
			if line = line[end:]; line == "" {
				break
			}
		}
	}
}

// sentenceEnd is behind the first full stop that ends a sentence: one within a link or a path does
// not.
func sentenceEnd(line string) int {
	for i := 0; i+1 < len(line); i++ {
		if line[i] == '.' && (line[i+1] == ' ' || line[i+1] == '\n' || line[i+1] == '\r') {
			return i + 1
		}
	}
	return len(line)
}

// verbs are the words that declare, and which way.
var verbs = []struct {
	words string
	by    bool
}{
	{"superseded by ", true}, {"replaced by ", true}, {"replaced with ", true}, {"obsoleted by ", true}, {"moved to ", true},
	{"in favor of ", true}, {"in favour of ", true}, {"use ", true},
	{"supersedes ", false}, {"replaces ", false}, {"obsoletes ", false},
}

// sentence reads one. It must be about the document: the words stand at its beginning, or behind
// nothing but "This page has been" and their like. What the words point at must follow at once.
func (d *reading) sentence(s string, title bool) {
	low := folded(s)
	for _, v := range verbs {
		at := strings.Index(low, v.words)
		if at < 0 || !opens(low[:at], v.words) {
			continue
		}
		ref := target(s[at+len(v.words):], title)
		if ref == "" {
			continue
		}
		to := &d.Replaces
		if v.by {
			to = &d.ReplacedBy
		}
		for _, r := range linked(d.id, ref) {
			if v.by || !strings.Contains(r, "://") {
				d.add(to, r)
			}
		}
		return
	}
}

// What a sentence about its own document may say before the words that declare.
var (
	labels   = set("note warning important attention notice caution deprecated obsolete superseded archived info tip danger")
	ours     = set("page document doc docs guide policy article file version standard procedure process manual handbook content section documentation proposal")
	helping  = set("this the has have been is was now and by it its it's")
	declared = set("deprecated obsolete superseded replaced outdated archived been moved permanently officially")
)

// opens reports whether what stands before the words leaves the document itself as what they are
// about.
func opens(before, words string) bool {
	subject, asked := false, words == "use " || strings.HasPrefix(words, "in fav")
	deprecated := false
	fields := strings.FieldsFunc(untagged(before), func(r rune) bool { return !(r >= 'a' && r <= 'z' || r == '\'' || r >= 0x80 && r < 0x2000) })
	for i, w := range fields {
		switch {
		case declared[w] || labels[w]:
			deprecated = deprecated || declared[w]
		case ours[w] && i > 0 && (fields[i-1] == "this" || fields[i-1] == "the"):
			subject = true
		case w == "please" && asked, helping[w]:
		default:
			return false
		}
	}
	bare := len(fields) == 0 || labels[fields[0]] || declared[fields[0]]
	if asked {
		return deprecated // "use" alone asks for anything
	}
	return subject || bare || fields[0] == "this"
}

// untagged leaves out what stands between "<" and ">".
func untagged(s string) string {
	var b strings.Builder
	for s != "" {
		text, rest, found := strings.Cut(s, "<")
		b.WriteString(text)
		if !found {
			break
		}
		b.WriteByte(' ')
		_, s, _ = strings.Cut(rest, ">")
	}
	return b.String()
}

// target is the link or, in a title, the id at the beginning of the rest of a sentence, "" if
// neither is there.
func target(rest string, title bool) string {
	rest = strings.TrimLeft(rest, " *_`\"'")
	for _, article := range []string{"the ", "a ", "our ", "a new ", "new "} {
		if len(rest) > len(article) && strings.EqualFold(rest[:len(article)], article) {
			rest = strings.TrimLeft(rest[len(article):], " *_`")
		}
	}
	switch {
	case strings.HasPrefix(rest, "["):
		if at := strings.Index(rest, "]("); at > 0 && at < 200 {
			ends := ") \t"
			if rest = rest[at+2:]; strings.HasPrefix(rest, "<") {
				rest, ends = rest[1:], ">"
			}
			if end := strings.IndexAny(rest, ends); end > 0 {
				return rest[:end]
			}
		}
	case strings.HasPrefix(rest, "<a "), strings.HasPrefix(rest, "<A "):
		if _, href, ok := strings.Cut(rest[:min(len(rest), 1100)], "href="); ok && href != "" {
			if end := strings.IndexByte(href[1:], href[0]); end > 0 && (href[0] == '"' || href[0] == '\'') {
				return href[1 : 1+end]
			}
		}
	case strings.HasPrefix(rest, "http://"), strings.HasPrefix(rest, "https://"), strings.HasPrefix(rest, "<http"):
		rest = strings.TrimPrefix(rest, "<")
		if end := strings.IndexAny(rest, " >)\t\r\n*_"); end >= 0 {
			rest = rest[:end]
		}
		return strings.TrimRight(rest, ".,;:!")
	case title:
		word := strings.Trim(rest, " .,;:()[]\"'`")
		if !strings.ContainsAny(word, " \t") {
			return word // an id
		}
	}
	return ""
}

// linked is what a link in the document of that id may lead to: an address, or a document beside
// it. With a "/" before it, a link begins at the top.
func linked(id, ref string) []string {
	if strings.Contains(ref, "://") {
		return []string{ref}
	}
	ref, _, _ = strings.Cut(ref, "#")
	ref, _, _ = strings.Cut(ref, "?")
	ref = unescaped(ref)
	if ref == "" || strings.HasPrefix(ref, "mailto:") || strings.ContainsAny(ref, "{}<>") {
		return nil
	}
	if strings.HasPrefix(ref, "/") {
		ref = strings.TrimPrefix(path.Clean(ref), "/")
	} else {
		ref = path.Join(path.Dir(id), ref)
	}
	if ref == "" || ref == "." || ref == ".." || strings.HasPrefix(ref, "../") {
		return nil
	}
	return []string{ref}
}

// unescaped reads "%20" and its like as the bytes they stand for.
func unescaped(ref string) string {
	var b strings.Builder
	for i := 0; i < len(ref); i++ {
		if ref[i] == '%' && i+2 < len(ref) {
			if c, err := strconv.ParseUint(ref[i+1:i+3], 16, 8); err == nil && c != 0 {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(ref[i])
	}
	return b.String()
}
