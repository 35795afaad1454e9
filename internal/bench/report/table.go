package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Table is what was measured of one thing, by the share of passages that the caller sees.
type Table struct {
	Name string `json:"name"` // also of its chart's file
	What string `json:"what"`
	Rows []Row  `json:"rows"`
}

// Row is one share of one way of doing it.
type Row struct {
	Way     string // "Muniment", a peer
	Share   string // of visible passages, or "all"
	Queries int
	P50     float64
	P95     float64
	P99     float64
	CPU     float64 // of a query
	Exact   float64 // recall or agreement, by what the table is of
	Short   float64 // answers with fewer results than there are
	Leaks   float64 // passages that the caller may not read
}

// Missing is the number of what was not measured.
var Missing = math.NaN()

func (t Table) rows() [][]string {
	rows := [][]string{{"", "share", "queries", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "exact", "short", "leaks"}}
	for _, r := range t.Rows {
		row := []string{r.Way, r.Share, fmt.Sprint(r.Queries)}
		for _, v := range []float64{r.P50, r.P95, r.P99, r.CPU, r.Exact, r.Short, r.Leaks} {
			row = append(row, number(v))
		}
		rows = append(rows, row)
	}
	return rows
}

// Lines writes the table in columns.
func (t Table) Lines(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", t.What)
	align(w, t.rows())
}

// Markdown writes the table with its chart.
func (t Table) Markdown(w io.Writer, chart string) {
	fmt.Fprintf(w, "%s\n\n", t.What)
	for i, row := range t.rows() {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintln(w, strings.Repeat("|---", len(row))+"|")
		}
	}
	if chart != "" {
		fmt.Fprintf(w, "\n![%s](%s)\n", t.What, chart)
	}
}
