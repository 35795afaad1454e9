package extract

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the plain texts in testdata anew")

// example is one case of a file in testdata: a text, and what a reader sees of it.
type example struct{ name, input, result string }

var resultLine = regexp.MustCompile(`(?m)^--- (?:\d+|\?) hidden$`)

// examples reads a file: "=== name", the input, "--- N hidden", the plain text, and a line
// for each heading. Characters that cannot be seen are written \u{…}.
func examples(t *testing.T, file string) (list []example) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range strings.Split("\n"+string(data), "\n=== ")[1:] {
		name, rest, _ := strings.Cut(text, "\n")
		at := resultLine.FindStringIndex(rest)
		if at == nil {
			t.Fatalf("%s: the case %q has no result", file, name)
		}
		list = append(list, example{name, rest[:at[0]], strings.TrimRight(rest[at[0]:], "\n")})
	}
	return list
}

var invisibleAsWritten = regexp.MustCompile(`\\u\{[0-9a-f]+\}`)

func fromFile(s string) string {
	return invisibleAsWritten.ReplaceAllStringFunc(s, func(e string) string {
		n, _ := strconv.ParseUint(e[3:len(e)-1], 16, 32)
		return string(rune(n))
	})
}

func forFile(s string) string {
	var b strings.Builder
	for _, r := range s {
		if shapeless(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// What a reader sees of the texts in testdata.
func TestExamples(t *testing.T) {
	for _, name := range []string{"html", "markdown", "plain"} {
		file := filepath.Join("testdata", name+".txt")
		var again strings.Builder
		for _, e := range examples(t, file) {
			d := Extract("text/"+name, fromFile(e.input))
			got := strings.TrimRight(fmt.Sprintf("--- %d hidden\n%s", d.Hidden, forFile(d.Plain)), "\n")
			for _, h := range d.Headings {
				got += fmt.Sprintf("\n[h%d] %s", h.Level, h.Title)
			}
			fmt.Fprintf(&again, "=== %s\n%s%s\n\n", e.name, e.input, got)
			if diff := cmp.Diff(e.result, got); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got):\n%s", file, e.name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(file, []byte(again.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
