package report

import (
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The chart's measures, in pixels, and its colours, which can be told apart without seeing colours well.
const (
	chartWidth  = 760
	chartHeight = 340
	left        = 76
	top         = 64
	bottom      = 44
)

var colours = []string{"#1b5e8c", "#e08214", "#7f7f7f", "#5aae61", "#9970ab"}

// Chart draws the table as SVG: for each share a bar for each way as high as its p50, with a line up to its
// p95. The scale is logarithmic, because ways differ by orders of magnitude.
func (t Table) Chart() string {
	var ways, shares []string
	low, high := math.Inf(1), 0.0
	for _, r := range t.Rows {
		if math.IsNaN(r.P50) || r.P50 <= 0 {
			continue
		}
		if !slices.Contains(ways, r.Way) {
			ways = append(ways, r.Way)
		}
		if !slices.Contains(shares, r.Share) {
			shares = append(shares, r.Share)
		}
		low, high = min(low, r.P50), max(high, r.P50, r.P95)
	}
	if high == 0 {
		low, high = 1, 10
	}
	from, to := math.Floor(math.Log10(low)-0.05), math.Ceil(math.Log10(high))
	if to <= from {
		to = from + 1
	}
	y := func(v float64) float64 {
		return top + (chartHeight-top-bottom)*(to-math.Log10(v))/(to-from)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<title>%s</title>`+"\n", escape(t.What))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14" fill="#222222">%s</text>`+"\n", left, escape(t.What))
	for e := from; e <= to; e++ {
		v := math.Pow(10, e)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/>`+"\n", left, chartWidth-20, y(v), y(v))
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end" fill="#555555">%g ms</text>`+"\n", left-6, y(v)+4, v)
	}
	x := float64(left)
	for i, w := range ways {
		fmt.Fprintf(&b, `<rect x="%.1f" y="32" width="12" height="12" fill="%s"/>`+"\n", x, colours[i%len(colours)])
		fmt.Fprintf(&b, `<text x="%.1f" y="42" fill="#222222">%s</text>`+"\n", x+17, escape(w))
		x += 36 + 6.6*float64(len([]rune(w)))
	}
	fmt.Fprintf(&b, `<text x="%d" y="42" text-anchor="end" fill="#555555">bar: p50, line: to p95</text>`+"\n", chartWidth-20)
	group := float64(chartWidth-20-left) / float64(max(len(shares), 1))
	bar := min(0.8*group/float64(max(len(ways), 1)), 40)
	for _, r := range t.Rows {
		s, w := slices.Index(shares, r.Share), slices.Index(ways, r.Way)
		if s < 0 || w < 0 || math.IsNaN(r.P50) || r.P50 <= 0 {
			continue
		}
		x := left + group*(float64(s)+0.5) + bar*(float64(w)-float64(len(ways))/2)
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x+1, y(r.P50), bar-2, chartHeight-bottom-y(r.P50), colours[w%len(colours)])
		if r.P95 > r.P50 {
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#222222" stroke-width="1.5"/>`+"\n", x+bar/2, x+bar/2, y(r.P95), y(r.P50))
		}
	}
	for i, s := range shares {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#222222">%s</text>`+"\n", left+group*(float64(i)+0.5), chartHeight-bottom+18, escape(s))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle" fill="#555555">share of the passages that the caller sees</text>`+"\n", (left+chartWidth-20)/2, chartHeight-8)
	b.WriteString("</svg>\n")
	return b.String()
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
