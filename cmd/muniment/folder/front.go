package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v4"
)

// maxFrontMatter is the longest front matter that is read, in bytes.
const maxFrontMatter = 64 << 10

// Refusal says why a document must not be sent: who may read it is not certain.
type Refusal struct{ Field, Reason string }

// Error implements error.
func (r *Refusal) Error() string { return r.Field + ": " + r.Reason }

// frontMatter is what a document says of itself before its text.
type frontMatter struct {
	values map[string]any // by name in lower case, without "-", "_" and spaces
	twice  []string       // names that were given twice, in different spellings
}

// accessKeys are the names that decide who may read.
var accessKeys = []string{"policy", "access", "readers", "sensitivity"}

var accessLine = regexp.MustCompile(`(?i)\b(policy|access|readers|sensitivity)["']?\s*[:=]`)

// objectStart is how a JSON object begins, as opposed to a template's "{{" or "{%".
var objectStart = regexp.MustCompile(`^\{\s*["}]`)

// readFrontMatter takes front matter off the beginning of a text: YAML between lines
// "---", TOML between lines "+++", or one JSON object. The warning says why a block was
// left out. If the block might have said who may read the document, that is a Refusal.
func readFrontMatter(text string) (fm frontMatter, body string, refusal *Refusal, warning error) {
	block, body, decode, closed := cutFrontMatter(text)
	switch {
	case decode == nil:
		return fm, text, nil, nil
	case !closed:
		// A line that begins a text may be a rule. But if what follows looks like front
		// matter that says who may read it, it is not for us to decide that it is none.
		if accessLine.MatchString(firstLines(text, 100)) {
			return fm, text, &Refusal{"front matter", "is not closed, and may say who may read the document"}, nil
		}
		return fm, text, nil, nil
	}
	var raw map[string]any
	err := fmt.Errorf("%d bytes, at most %d", len(block), maxFrontMatter)
	if len(block) <= maxFrontMatter {
		err = decode(block, &raw)
	}
	if err != nil {
		err = errors.New(strings.Join(strings.Fields(err.Error()), " ")) // on one line
		if accessLine.MatchString(block) {
			return fm, body, &Refusal{"front matter", "cannot be read, and may say who may read the document: " + err.Error()}, nil
		}
		return fm, body, nil, fmt.Errorf("front matter left out: %w", err)
	}
	fm.values = make(map[string]any, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		key := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
		if _, again := fm.values[key]; again {
			fm.twice = append(fm.twice, key)
			continue
		}
		fm.values[key] = raw[name]
	}
	return fm, body, nil, nil
}

// cutFrontMatter separates a block from the text below it by its form alone. Decode is nil
// if the text does not begin like front matter at all.
func cutFrontMatter(text string) (block, body string, decode func(string, *map[string]any) error, closed bool) {
	readYAML := func(s string, v *map[string]any) error { return yaml.Unmarshal([]byte(s), v) }
	line, _, _ := strings.Cut(text, "\n")
	switch mark := strings.TrimRight(line, " \t\r"); {
	case mark == "---":
		block, body, closed = cutBlock(text, mark)
		return block, body, readYAML, closed
	case mark == "+++":
		block, body, closed = cutBlock(text, mark)
		return block, body, func(s string, v *map[string]any) error { _, err := toml.Decode(s, v); return err }, closed
	case objectStart.MatchString(text):
		d := json.NewDecoder(strings.NewReader(text))
		if d.Decode(new(map[string]any)) != nil {
			return "", text, readYAML, false
		}
		// JSON is YAML, whose reader does not take a name twice.
		return text[:d.InputOffset()], text[d.InputOffset():], readYAML, true
	}
	return "", text, nil, false
}

// cutBlock returns what stands between the first line and the next line that is the mark.
func cutBlock(text, mark string) (block, rest string, closed bool) {
	_, after, _ := strings.Cut(text, "\n")
	for at := 0; at < len(after); {
		end := len(after)
		if n := strings.IndexByte(after[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		line := strings.TrimRight(after[at:end], " \t\r\n")
		if line == mark || mark == "---" && line == "..." {
			return after[:at], after[end:], true
		}
		at = end
	}
	return "", text, false
}

func firstLines(text string, n int) string {
	for i := range text {
		if text[i] == '\n' {
			if n--; n == 0 {
				return text[:i]
			}
		}
	}
	return text
}
