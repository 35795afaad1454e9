package muniment_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func readme(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/company/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readmeRows are the cells of the README's table whose first column has the heading.
func readmeRows(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	inside := false
	for l := range strings.Lines(string(readme(t))) {
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "| "+heading+" |"):
			inside = true
		case !strings.HasPrefix(l, "|"):
			inside = false
		case inside && !strings.HasPrefix(l, "|---"):
			var row []string
			for _, cell := range strings.Split(strings.Trim(l, "|"), "|") {
				row = append(row, strings.TrimSpace(cell))
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("the README has no table that begins with %q", heading)
	}
	return rows
}

// code is a cell without the marks of code.
func code(cell string) string { return strings.Trim(cell, "`") }

// TestReadmeAnswers: the README has a row for every document, and the row is a question of
// the questions file.
func TestReadmeAnswers(t *testing.T) {
	c := load(t)
	asked := map[string]bool{}
	for _, q := range loadQuestions(t) {
		if q.Quote == "" {
			continue
		}
		as := strings.TrimPrefix(q.As, "user:local/")
		if q.Guest {
			as += ", guest"
		}
		if q.Clearance != "" {
			as += ", " + q.Clearance
		}
		asked[fmt.Sprintf("%s/%s | %s | %s | %s", q.Answer.Source, q.Answer.ID, q.Question, as, q.Quote)] = true
	}
	source, rows := "", map[ref]int{}
	for _, row := range readmeRows(t, "document | question") {
		if name, ok := strings.CutPrefix(row[0], "**"); ok {
			source = strings.TrimSuffix(name, "**")
			continue
		}
		id := ref{source, code(row[0])}
		rows[id]++
		if _, ok := c.documents[id]; !ok {
			t.Errorf("the README lists %v, and there is no such document", id)
		}
		if row := source + "/" + code(row[0]) + " | " + strings.Join(row[1:], " | "); !asked[row] {
			t.Errorf("not in the questions file: %s", row)
		}
	}
	for id := range c.documents {
		if rows[id] != 1 {
			t.Errorf("the README lists %v %d times, want once", id, rows[id])
		}
	}
}

// TestReadmeFiles: what the README says the files hold is what they hold.
func TestReadmeFiles(t *testing.T) {
	c := load(t)
	departments, listed := map[string]bool{}, 0
	count := regexp.MustCompile(`(\d+) (group|container|document|access line)`)
	for _, row := range readmeRows(t, "file") {
		listed++
		data, err := os.ReadFile(filepath.Join("testdata/company", code(row[0])))
		if err != nil {
			t.Error(err)
			continue
		}
		lines := 0
		for _, m := range count.FindAllStringSubmatch(row[3], -1) {
			kind, _, _ := strings.Cut(m[2], " ")
			n := bytes.Count(data, []byte(`{"`+kind+`": {"`))
			lines += n
			if m[1] != strconv.Itoa(n) {
				t.Errorf("%s holds %d lines of kind %s, and the README says %s", row[0], n, kind, m[1])
			}
		}
		if all := bytes.Count(data, []byte("\n")); lines != all {
			t.Errorf("%s has %d lines, and the README accounts for %d", row[0], all, lines)
		}
		for id, d := range c.documents {
			if bytes.Contains(data, []byte(`{"document": {"source": "`+id.Source+`", "id": "`+id.ID+`"`)) {
				departments[d.Labels["department"]] = true
				if id.Source != code(row[1]) || d.Labels["department"] != row[2] {
					t.Errorf("%v is of department %s, and the README says source %s and department %s", id, d.Labels["department"], row[1], row[2])
				}
			}
		}
	}
	if files, err := filepath.Glob("testdata/company/*.jsonl"); err != nil || len(files) != listed {
		t.Errorf("there are %d files, and the README lists %d; %v", len(files), listed, err)
	}
	if want := fmt.Sprintf("In all %d documents of %d departments.", len(c.documents), len(departments)); !bytes.Contains(readme(t), []byte(want)) {
		t.Errorf("the README does not say %q", want)
	}
}

// TestReadmeIsComplete: people, groups, languages, exports and hazards are all introduced.
func TestReadmeIsComplete(t *testing.T) {
	text, c := readme(t), load(t)
	for _, p := range c.principals {
		name := strings.TrimPrefix(p, "user:local/")
		if name != p && !bytes.Contains(text, []byte("| `"+name+"` ")) {
			t.Errorf("the README does not introduce %s", p)
		}
		name = strings.TrimPrefix(p, "group:")
		if name != p && !bytes.Contains(text, []byte(name)) {
			t.Errorf("the README does not mention %s", p)
		}
	}
	for _, q := range loadQuestions(t) {
		if name := strings.TrimPrefix(q.As, "user:local/"); !bytes.Contains(text, []byte("| `"+name+"` ")) {
			t.Errorf("the README does not introduce %s, who asks", q.As)
		}
	}
	languages, exports := map[string]string{}, ""
	for _, row := range readmeRows(t, "language") {
		languages[row[0]] = row[1]
	}
	for _, row := range readmeRows(t, "document | is") {
		exports += row[0]
	}
	for id, d := range c.documents {
		name := "`" + id.Source + "/" + id.ID + "`"
		for language, list := range languages {
			if strings.Contains(list, name) != (d.Labels["language"] == language) {
				t.Errorf("%s has the language %q, and the README says otherwise", name, d.Labels["language"])
			}
		}
		if strings.HasSuffix(d.ID, ".html") && !strings.Contains(exports, name) {
			t.Errorf("the README does not list the export %s", name)
		}
		if d.Title == "" && !bytes.Contains(text, []byte("`"+id.ID+"`")) {
			t.Errorf("the README does not mention %s, which has no title", name)
		}
		if d.Labels["hazard"] != "" && !bytes.Contains(text, []byte("`"+d.Labels["hazard"]+"`")) {
			t.Errorf("the README does not mention the hazard of %s", name)
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(languages)), []string{"de", "fr", "ja"}) {
		t.Errorf("the README's languages are %v", languages)
	}
}
