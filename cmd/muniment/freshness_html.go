package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

//go:embed freshness.html
var freshnessHTML string

// freshnessPage is the page of a report. It needs nothing that is not in it and runs nothing.
var freshnessPage = template.Must(template.New("freshness").Funcs(template.FuncMap{
	"moment": moment, "clean": cleaned, "class": stateClass, "word": stateWord, "name": refName,
	"ratio": ratioOf, "upto": upTo, "link": webLink, "nobody": func(name string) string { return cmp.Or(name, "nobody") },
}).Parse(freshnessHTML))

// How much a page shows: a chart with hundreds of bars is none.
const (
	barsBySource = 25
	barsByOwner  = 10
)

// reportView is what the page is made of.
type reportView struct {
	Summary  *pb.FreshnessSummary
	Filter   string
	Made     *timestamppb.Timestamp
	Headline string
	Tiles    []tile
	Sources  *chart
	Others   []*chart // by owner and by container
	Ratios   ratioChart
	Worst    []*pb.DocumentFreshness
	Rest     string // beyond Worst
}

// tile is a figure with what it says.
type tile struct {
	Figure, Text string
	State        pb.Freshness_State // whose colour it has; none for STATE_UNSPECIFIED
}

// chart is a bar for each count.
type chart struct {
	Title  string
	States []pb.Freshness_State // of the legend
	Bars   []bar
	Height int
	More   int
}

// bar is the shares of the states in a count. Places are in the units of the picture.
type bar struct {
	Name, Full string
	Y, Middle  int
	Parts      []part
	Documents  int64
	Verified   string
}

// part is one state's part of a bar.
type part struct {
	State           pb.Freshness_State
	X, Width, Label float64
	Documents       int64
	Wide            bool // enough for the figure
}

// Sizes of charts, in the units of the picture.
const (
	barsFrom, barsWidth = 200.0, 400.0
	barPitch            = 30
	nameRunes           = 30

	ratioWidth, ratioHeight = 40.0, 150.0
)

func reportPage(w io.Writer, req *pb.ReportFreshnessRequest, s *pb.FreshnessSummary, worst []*pb.DocumentFreshness) error {
	all := s.GetAll()
	v := reportView{
		Summary: s, Filter: filterWords(req.GetFilter()), Made: timestamppb.New(time.Now()), Headline: headline(all), Worst: worst,
		Rest: restOf(all, len(worst)), Ratios: ratiosOf(s.GetRatios()),
	}
	v.Tiles = append(v.Tiles, tile{Figure: thousands(all.GetDocuments()), Text: "documents"},
		tile{Figure: percent(all.GetVerified(), all.GetDocuments()), Text: "verified by a person"})
	var states []pb.Freshness_State
	for _, state := range byBadness {
		if n := inState(all, state); n > 0 {
			v.Tiles = append(v.Tiles, tile{thousands(n), stateWord(state), state})
			states = append(states, state)
		}
	}
	if len(s.GetSources()) > 0 {
		v.Sources = chartOf("By source", s.GetSources(), barsBySource, states)
		v.Others = append(v.Others, chartOf("By owner, worst first", s.GetOwners(), barsByOwner, states))
	}
	if len(s.GetContainers()) > 0 {
		v.Others = append(v.Others, chartOf("By container, worst first", s.GetContainers(), barsByOwner, states))
	}
	return freshnessPage.Execute(w, v)
}

// headline says in a sentence what there is to do.
func headline(all *pb.FreshnessCount) string {
	var bad int64
	var parts []string
	for _, state := range byBadness[:4] {
		if n := inState(all, state); n > 0 {
			bad += n
			parts = append(parts, thousands(n)+" "+stateWord(state))
		}
	}
	says := "No document needs anybody."
	switch {
	case all.GetDocuments() == 0:
		return "There is no document to report on."
	case bad > 0:
		says = fmt.Sprintf("%s of %s documents need somebody: %s.", thousands(bad), thousands(all.GetDocuments()), strings.Join(parts, ", "))
	}
	if unknown := inState(all, pb.Freshness_STATE_UNKNOWN); unknown > 0 {
		says += fmt.Sprintf(" Of %s more it cannot be said.", thousands(unknown))
	}
	return says
}

func chartOf(title string, counts []*pb.FreshnessCount, most int, states []pb.Freshness_State) *chart {
	c := &chart{Title: title, States: states, More: max(0, len(counts)-most)}
	for i, count := range counts[:min(most, len(counts))] {
		full := cleaned(oneLine(countName(count)))
		b := bar{
			Name: shortened(full), Full: full, Y: i * barPitch, Middle: i*barPitch + 16, Documents: count.GetDocuments(),
			Verified: percent(count.GetVerified(), count.GetDocuments()),
		}
		x := barsFrom
		for _, state := range slices.Backward(byBadness) {
			n := inState(count, state)
			if n == 0 {
				continue
			}
			width := barsWidth * float64(n) / float64(count.GetDocuments())
			figure := float64(7*len(strconv.FormatInt(n, 10)) + 6)
			b.Parts = append(b.Parts, part{state, x, width, x + width/2, n, width >= figure})
			x += width
		}
		c.Bars = append(c.Bars, b)
	}
	c.Height = barPitch * len(c.Bars)
	return c
}

// shortened is the end of a long name, which tells it from others better than its beginning.
func shortened(name string) string {
	r := []rune(name)
	if len(r) <= nameRunes {
		return name
	}
	return "…" + string(r[len(r)-nameRunes+1:])
}

// ratioChart is how old documents are against their review intervals.
type ratioChart struct {
	Columns       []column
	Documents     int64
	Width, Height float64
	Due, Stale    float64 // where the states begin
}

// column is how many documents have a ratio in a quarter.
type column struct {
	State                       pb.Freshness_State
	X, Y, Width, Height, Middle float64
	Documents                   int64
	From, Until, Label          string
}

func ratiosOf(counts []int64) (c ratioChart) {
	most := int64(1)
	for _, n := range counts {
		most = max(most, n)
		c.Documents += n
	}
	c.Width, c.Height = ratioWidth*float64(len(counts)), ratioHeight
	c.Due, c.Stale = 4*ratioWidth, 6*ratioWidth
	for i, n := range counts {
		height := ratioHeight * float64(n) / float64(most)
		if n > 0 {
			height = max(height, 1.5)
		}
		col := column{
			State: pb.Freshness_STATE_FRESH, X: ratioWidth*float64(i) + 2, Y: ratioHeight - height, Width: ratioWidth - 4, Height: height,
			Middle: ratioWidth * (float64(i) + 0.5), Documents: n, From: fmt.Sprint(float64(i) / 4),
		}
		if i%2 == 0 {
			col.Label = col.From
		}
		if i < len(counts)-1 {
			col.Until = fmt.Sprint(float64(i+1) / 4)
		} else {
			col.Label += "+"
		}
		switch {
		case i >= 6:
			col.State = pb.Freshness_STATE_STALE
		case i >= 4:
			col.State = pb.Freshness_STATE_DUE
		}
		c.Columns = append(c.Columns, col)
	}
	return c
}

// stateClass is a state's name in the style sheet.
func stateClass(s pb.Freshness_State) string {
	if s == pb.Freshness_STATE_UNSPECIFIED {
		return ""
	}
	return strings.ReplaceAll(stateWord(s), " ", "-")
}

// thousands is a number with its thousands apart.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// webLink is where a browser may be sent to, empty for anything but the web.
func webLink(uri string) string {
	if strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://") {
		return uri
	}
	return ""
}

// filterWords says what a report was narrowed to.
func filterWords(f *pb.Filter) string {
	var parts []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			parts = append(parts, what+" "+strings.Join(names, " or "))
		}
	}
	var containers, states []string
	for _, c := range f.GetContainers() {
		containers = append(containers, refName(c))
	}
	for _, s := range f.GetStates() {
		states = append(states, stateWord(s))
	}
	add("source", f.GetSources())
	add("owner", f.GetOwners())
	add("in or below", containers)
	add("state", states)
	return cleaned(strings.Join(parts, "; "))
}
