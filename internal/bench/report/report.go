// Package report turns what the benchmark has measured into lines, tables and charts.
package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// The ways in which a figure stands to its goal.
const (
	Met      = "met"
	NotMet   = "not-met"
	Reported = "reported" // depends on the machine, or has no goal
)

// Figure is one line of the report.
type Figure struct {
	Part   string  `json:"part"`
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"` // "ms", "×", "" …
	Goal   string  `json:"goal"` // "≤ 2.5", or ""
	Status string  `json:"status"`
	Note   string  `json:"note,omitempty"`
}

// bound is a goal: at most or at least so much.
type bound struct {
	least bool
	value float64
}

func (b bound) String() string {
	if b.least {
		return "≥ " + number(b.value)
	}
	return "≤ " + number(b.value)
}

// AtMost is the goal of not more than v.
func AtMost(v float64) Goal { return bound{false, v} }

// AtLeast is the goal of not less than v.
func AtLeast(v float64) Goal { return bound{true, v} }

// Goal is what a figure should come to; nil for none.
type Goal interface {
	fmt.Stringer
	met(v float64) bool
}

func (b bound) met(v float64) bool {
	return !math.IsNaN(v) && (v == b.value || (v > b.value) == b.least)
}

// Judged makes a figure that means the same on every machine: a ratio of two things measured side by side,
// or a count. It is met or not.
func Judged(part, name string, value float64, unit string, goal Goal) Figure {
	f := Stated(part, name, value, unit, goal)
	if goal != nil {
		if f.Status = NotMet; goal.met(value) {
			f.Status = Met
		}
	}
	return f
}

// Stated makes a figure of this machine, with its goal beside it.
func Stated(part, name string, value float64, unit string, goal Goal) Figure {
	f := Figure{Part: part, Name: name, Value: value, Unit: unit, Status: Reported}
	if goal != nil {
		f.Goal = goal.String()
	}
	return f
}

// number writes three digits, or all there are before the point.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case v == math.Trunc(v) && a < 1e15, a >= 1000:
		return fmt.Sprintf("%.0f", v)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	case a >= 0.99: // a recall: its nines count
		return fmt.Sprintf("%.4f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// String is the figure's value with its unit.
func (f Figure) String() string { return strings.TrimSpace(number(f.Value) + " " + f.Unit) }

// Lines writes figures as aligned lines: name, value, goal, status.
func Lines(w io.Writer, figures []Figure) {
	var rows [][]string
	for _, f := range figures {
		rows = append(rows, []string{f.Part + ": " + f.Name, f.String(), f.Goal, f.Status, f.Note})
	}
	align(w, rows)
}

// align writes rows in columns.
func align(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// Markdown writes figures as a table of Markdown.
func Markdown(w io.Writer, figures []Figure) {
	fmt.Fprint(w, "| figure | value | goal | status |\n|---|---|---|---|\n")
	for _, f := range figures {
		status := f.Status
		if f.Note != "" {
			status += " (" + f.Note + ")"
		}
		fmt.Fprintf(w, "| %s: %s | %s | %s | %s |\n", f.Part, cell(f.Name), f, f.Goal, cell(status))
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// Times are how long something took, many times.
type Times []time.Duration

// At is the time that a share q of the times do not exceed, in milliseconds; NaN of none.
func (t Times) At(q float64) float64 {
	if len(t) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(t))
	at := int(math.Ceil(q*float64(len(sorted)))) - 1
	return Milliseconds(sorted[min(max(at, 0), len(sorted)-1)])
}

// Milliseconds is a duration as a number.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Mean is the mean of some numbers, NaN of none.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Median is the middle one of some numbers, NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
