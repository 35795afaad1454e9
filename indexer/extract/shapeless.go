package extract

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shapeless reports whether a reader sees nothing of the character by itself: Unicode's
// Default_Ignorable_Code_Point, and the marks of annotations, which no program shows. Some
// of them shape what is beside them; invisible knows where.
func shapeless(r rune) bool {
	return r >= 0xAD && (unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(ignorable, r))
}

// ignorable is the rest of Default_Ignorable_Code_Point, which the standard library has
// only in part: format characters without those that are seen, and variation selectors.
var ignorable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00AD, 0x00AD, 1}, {0x061C, 0x061C, 1}, {0x180B, 0x180F, 1}, {0x200B, 0x200F, 1}, {0x202A, 0x202E, 1},
		{0x2060, 0x206F, 1}, {0xFE00, 0xFE0F, 1}, {0xFEFF, 0xFEFF, 1}, {0xFFF0, 0xFFFB, 1},
	},
	R32:         []unicode.Range32{{0x1BCA0, 0x1BCA3, 1}, {0x1D173, 0x1D17A, 1}, {0xE0000, 0xE0FFF, 1}},
	LatinOffset: 1,
}

const (
	nonJoiner, joiner    = '\u200c', '\u200d'
	blackFlag, cancelTag = '\U0001f3f4', '\U000e007f'
)

// flags are the flags that are written in tags: of England, Scotland and Wales. Any other
// series of tags is a message that nobody sees.
var flags = []string{tags("gbeng"), tags("gbsct"), tags("gbwls")}

func tags(name string) string {
	var b strings.Builder
	for _, c := range name {
		b.WriteRune(0xE0000 + c)
	}
	b.WriteRune(cancelTag)
	return b.String()
}

// invisible calls leave for each stretch of shapeless characters that shape nothing. Whether
// one does is asked of the character kept before it and the one that follows, so what is
// left has none that would be left out if it were asked again.
func invisible(text string, leave func(from, to int)) {
	before := rune(0)
	from := -1 // of the stretch that is being left out
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		out := false
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
			if shapeless(r) {
				flagged := flagTags(before, text[i:])
				out = flagged == 0 && !shapes(before, r, text[i+size:])
				size = max(size, flagged)
			}
		}
		switch {
		case out && from < 0:
			from = i
		case !out && from >= 0:
			leave(from, i)
			from = -1
		}
		if !out {
			before = r
		}
		i += size
	}
	if from >= 0 {
		leave(from, len(text))
	}
}

// flagTags is the length of the tags that text begins with if they make a flag.
func flagTags(before rune, text string) int {
	if before == blackFlag {
		for _, f := range flags {
			if strings.HasPrefix(text, f) {
				return len(f)
			}
		}
	}
	return 0
}

// shapes reports whether the shapeless r changes how the character before it looks, or
// joins it to the text behind.
func shapes(before, r rune, behind string) bool {
	switch {
	case r == joiner && pictorial(before):
		next, _ := utf8.DecodeRuneInString(behind)
		return pictorial(next) && !unicode.Is(unicode.Variation_Selector, next)
	case r == joiner, r == nonJoiner:
		arabicMark := before >= 0x0640 && before <= 0x065F || before == 0x0670 // of no script by themselves
		return !shapeless(before) && (arabicMark || unicode.In(before, joining...) && unicode.In(before, unicode.L, unicode.M))
	case r >= 0xFE00 && r <= 0xFE0F:
		return r >= 0xFE0E && (emoji(before) || keycap(before)) ||
			unicode.In(before, unicode.Han, unicode.Sm, unicode.Myanmar, unicode.Phags_Pa) || cjkMark(before)
	case r >= 0xE0100 && r <= 0xE01EF:
		return unicode.Is(unicode.Han, before)
	case r >= 0x180B && r <= 0x180F:
		return unicode.Is(unicode.Mongolian, before) && unicode.IsLetter(before)
	}
	return false
}

// joining are the scripts in which a joiner or a non-joiner after a letter changes letters.
var joining = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Mandaic, unicode.Nko, unicode.Mongolian, unicode.Phags_Pa, unicode.Hanifi_Rohingya, unicode.Adlam,
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
	unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan, unicode.Balinese, unicode.Javanese,
}

// pictorial reports whether r may stand beside the joiner in a picture made of several.
func pictorial(r rune) bool {
	return emoji(r) || r == 0xFE0E || r == 0xFE0F || r >= 0x1F3FB && r <= 0x1F3FF
}

// emoji reports whether r is a symbol that has a coloured and a plain form, roughly.
func emoji(r rune) bool {
	return r >= 0xA9 && (unicode.Is(unicode.So, r) || r >= 0x2190 && r <= 0x2BFF && unicode.Is(unicode.Sm, r) ||
		strings.ContainsRune("‼⁉〰〽ℹ", r))
}

func keycap(r rune) bool { return '0' <= r && r <= '9' || r == '#' || r == '*' }

// cjkMark reports whether r is a mark of punctuation that has a place of its own in its cell.
func cjkMark(r rune) bool { return strings.ContainsRune("、。，．！？：；", r) }
