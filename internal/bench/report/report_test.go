package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		f            Figure
		status, goal string
	}{
		{Judged("p", "f", 5, "×", AtLeast(5)), Met, "≥ 5"},
		{Judged("p", "f", 4.99, "×", AtLeast(5)), NotMet, "≥ 5"},
		{Judged("p", "f", 0.5, "×", AtMost(0.5)), Met, "≤ 0.500"},
		{Judged("p", "f", 0.51, "×", AtMost(0.5)), NotMet, "≤ 0.500"},
		{Judged("p", "leaks", 0, "", AtMost(0)), Met, "≤ 0"},
		{Judged("p", "leaks", 1, "", AtMost(0)), NotMet, "≤ 0"},
		{Judged("p", "not measured", math.NaN(), "", AtMost(1)), NotMet, "≤ 1"},
		{Judged("p", "no goal", 7, "", nil), Reported, ""},
		{Stated("p", "slow", 99, "ms", AtMost(2.5)), Reported, "≤ 2.50"},
	} {
		if c.f.Status != c.status || c.f.Goal != c.goal {
			t.Errorf("%v: %q, goal %q, want %q and %q", c.f, c.f.Status, c.f.Goal, c.status, c.goal)
		}
	}
}

func TestTimes(t *testing.T) {
	var times Times
	for i := 100; i > 0; i-- {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	for _, c := range []struct{ q, want float64 }{{0.5, 50}, {0.95, 95}, {0.99, 99}, {1, 100}, {0, 1}} {
		if got := times.At(c.q); got != c.want {
			t.Errorf("p%v: %v, want %v", 100*c.q, got, c.want)
		}
	}
	if times[0] != 100*time.Millisecond {
		t.Error("the times were sorted in place")
	}
	if got := (Times{time.Millisecond}).At(0.99); got != 1 {
		t.Errorf("of one: %v", got)
	}
	if !math.IsNaN(Times{}.At(0.5)) || !math.IsNaN(Median(nil)) || !math.IsNaN(Mean(nil)) {
		t.Error("none have a middle")
	}
	if Median([]float64{3, 1, 2}) != 2 || Median([]float64{4, 1, 2, 3}) != 2.5 || Mean([]float64{1, 2, 6}) != 3 {
		t.Error("the middle or mean of some numbers is another")
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1234.5: "1234", 123.4: "123", 12.34: "12.3", 1.234: "1.23", 0.9987: "0.9987", 0.25: "0.250", 0.0123: "0.012", 5: "5"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
	if number(math.NaN()) != "–" {
		t.Error("what was not measured is written as a number")
	}
}

func table() Table {
	return Table{Name: "t", What: `Hybrid <"a & b">`, Rows: []Row{
		{Way: "Muniment", Share: "< 1 %", Queries: 3, P50: 0.5, P95: 2, P99: 3, CPU: 0.4, Exact: 1},
		{Way: "a & b", Share: "< 1 %", Queries: 3, P50: 12, P95: 300, P99: 500, CPU: Missing, Exact: 0.7, Short: 1},
		{Way: "Muniment", Share: "> 50 %", Queries: 3, P50: 1, P95: 1, P99: 1, CPU: 1, Exact: 1},
		{Way: "a & b", Share: "> 50 %", P50: Missing, P95: Missing, P99: Missing},
	}}
}

// TestChartsAreWellFormed reads a chart as XML, and finds a bar for all that was measured and no number that is none.
func TestChartsAreWellFormed(t *testing.T) {
	for _, tab := range []Table{table(), {What: "nothing"}, {What: "one", Rows: []Row{{Way: "w", Share: "s", P50: 1, P95: 1}}}} {
		chart := tab.Chart()
		bars := 0
		for d := xml.NewDecoder(strings.NewReader(chart)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", tab.What, err, chart)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
				bars++
			}
		}
		if strings.Contains(chart, "NaN") || strings.Contains(chart, "Inf") {
			t.Errorf("%s: a number is none:\n%s", tab.What, chart)
		}
		if tab.What == table().What && bars != 1+2+3 { // background, legend, bars
			t.Errorf("%d rectangles", bars)
		}
	}
}

func TestLinesAndMarkdown(t *testing.T) {
	var b strings.Builder
	table().Lines(&b)
	table().Markdown(&b, "t.svg")
	figures := []Figure{Judged("engine", "leaks", 0, "", AtMost(0)), Stated("server", "p50", 2.25, "ms", AtMost(2.5))}
	Lines(&b, figures)
	Markdown(&b, figures)
	for _, want := range []string{
		"Muniment  < 1 %", "| a & b | < 1 % | 3 | 12 | 300 | 500 | – | 0.700 | 1 | 0 |", "![Hybrid", "(t.svg)",
		"engine: leaks  0        ≤ 0     met\n", "| server: p50 | 2.25 ms | ≤ 2.50 | reported |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &b)
		}
	}
}

func TestReplace(t *testing.T) {
	page := "a\n<!-- bench 5 -->\nold\n<!-- end of bench 5 -->\nz\n"
	got, err := Replace(page, "bench 5", "new\n")
	if want := "a\n<!-- bench 5 -->\nnew\n<!-- end of bench 5 -->\nz\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Replace(page, "bench 6", "new\n"); err == nil {
		t.Error("a section that is not there was replaced")
	}
}

// TestJSON: numbers that are none are null, for which encoding/json alone has no way.
func TestJSON(t *testing.T) {
	text, err := json.Marshal([]any{table(), Judged("p", "f", math.NaN(), "ms", AtMost(1))})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"p50_ms":12,`, `"cpu_ms":null`, `"value":null`, `"status":"not-met"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}
