package extract

import "strings"

// sheet holds what a page's <style> elements say of text that can hide it, by selector. It
// knows the selectors that look at one element alone: tag, .class, #id and tag with one of
// those. Rules with others are left alone: to apply one to the wrong element would hide
// what readers see.
type sheet map[selector][]declaration

type selector struct {
	tag  string // "" = any
	kind byte   // '.', '#' or 0
	name string
}

// rank orders selectors as CSS does.
func (s selector) rank() int {
	rank := map[byte]int{'.': 10, '#': 100}[s.kind]
	if s.tag != "" && s.tag != "*" {
		rank++
	}
	return rank
}

// maxBlocks is how deep at-rules are followed.
const maxBlocks = 8

// add takes over the rules of a <style> element.
func (s sheet) add(css string) { s.rules(withoutComments(css), maxBlocks) }

func (s sheet) rules(css string, depth int) {
	for css != "" && depth > 0 {
		i := strings.IndexAny(css, "{;}")
		if i < 0 {
			return
		}
		if css[i] != '{' {
			css = css[i+1:]
			continue
		}
		prelude := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(css[:i]), "<!--"))
		end := endOfBlock(css, i)
		body := strings.TrimSuffix(css[i+1:end], "}")
		css = css[end:]
		if strings.HasPrefix(prelude, "@") {
			if onScreen(strings.ToLower(prelude)) {
				s.rules(body, depth-1)
			}
			continue
		}
		for text := range strings.SplitSeq(prelude, ",") {
			if sel, ok := parseSelector(strings.TrimSpace(text)); ok {
				declarations(body, sel.rank(), func(d declaration) { s.put(sel, d) })
			}
		}
	}
}

// put keeps one declaration for each property: what is given later wins.
func (s sheet) put(sel selector, d declaration) {
	list := s[sel]
	for i := range list {
		if list[i].property == d.property {
			if d.weight >= list[i].weight {
				list[i] = d
			}
			return
		}
	}
	s[sel] = append(list, d)
}

// onScreen reports whether the rules within an at-rule hold for everybody who looks at the
// page on a screen.
func onScreen(prelude string) bool {
	name, query, _ := strings.Cut(prelude, " ")
	switch name {
	case "@layer":
		return true
	case "@media":
		switch strings.Join(strings.Fields(query), " ") {
		case "screen", "all", "only screen", "screen, print", "print, screen", "all, print":
			return true
		}
	}
	return false
}

func parseSelector(text string) (selector, bool) {
	var s selector
	if i := strings.IndexAny(text, ".#"); i >= 0 {
		s.tag, s.kind, s.name = strings.ToLower(text[:i]), text[i], text[i+1:]
		if s.name == "" {
			return s, false
		}
	} else {
		s.tag = strings.ToLower(text)
	}
	plain := func(r rune) bool { return r < 0x80 && !letter(byte(r)) && !digit(byte(r)) && r != '-' && r != '_' }
	if s.tag == "*" && s.kind != 0 {
		s.tag = ""
	}
	return s, (s.tag != "" || s.name != "") && (s.tag == "*" || strings.IndexFunc(s.tag, plain) < 0) && strings.IndexFunc(s.name, plain) < 0
}

// each calls yield for the declarations that hold for the element the tag begins.
func (s sheet) each(t *tag, yield func(declaration)) {
	if len(s) == 0 {
		return
	}
	apply := func(kind byte, name string) {
		for _, tag := range []string{"", t.name} {
			for _, d := range s[selector{tag, kind, name}] {
				yield(d)
			}
		}
	}
	for _, d := range s[selector{tag: "*"}] {
		yield(d)
	}
	for _, d := range s[selector{tag: t.name}] {
		yield(d)
	}
	for class := range strings.FieldsSeq(t.get(attrClass)) {
		apply('.', class)
	}
	if id := t.get(attrID); id != "" {
		apply('#', id)
	}
}
