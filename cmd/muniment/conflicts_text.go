package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// sideWidth is how many characters wide a side of a conflict is shown.
const sideWidth = 52

// printConflicts shows conflicts to a person.
func printConflicts(out io.Writer, resp *pb.ListConflictsResponse) {
	w := forTerminal{out}
	if len(resp.GetClusters()) == 0 && !resp.GetSearching() {
		fmt.Fprintln(w, "No conflict that is yours to see.")
		return
	}
	for i, cluster := range resp.GetClusters() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if n := cluster.GetTotal(); n > 1 {
			fmt.Fprintf(w, "%d conflicts among %d documents:\n", n, len(cluster.GetDocuments()))
		}
		for _, c := range cluster.GetConflicts() {
			printConflict(w, c)
		}
		if more := cluster.GetTotal() - int64(len(cluster.GetConflicts())); more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
	}
	if shown := int64(len(resp.GetClusters())); shown < resp.GetTotal() {
		fmt.Fprintf(w, "\n%d of %d clusters\n", shown, resp.GetTotal())
	}
	if resp.GetSearching() {
		fmt.Fprintln(w, "! documents have changed and are being searched again: what is listed holds, more may come; ask again in a while, or with --wait")
	}
	nextPage(w, resp.GetNextPageToken())
}

// printConflict shows one, both sides side by side.
func printConflict(w io.Writer, c *pb.ContestedValue) {
	fmt.Fprintf(w, "%s or %s  (%s, %s, confidence %.2f)  id %s\n", oneLine(c.GetA().GetValue()), oneLine(c.GetB().GetValue()), c.GetQuantity(),
		strings.ToLower(word(c.GetTier().String(), "")), c.GetConfidence(), c.GetId()[:min(12, len(c.GetId()))])
	a, b := sideLines("A", c.GetA()), sideLines("B", c.GetB())
	for i := range max(len(a), len(b)) {
		left, right := "", ""
		if i < len(a) {
			left = a[i]
		}
		if i < len(b) {
			right = b[i]
		}
		fmt.Fprintln(w, strings.TrimRight("  "+left+strings.Repeat(" ", max(0, sideWidth-utf8.RuneCountInString(left)))+"  "+right, " "))
	}
	if newer := newerSide(c); newer != "" {
		fmt.Fprintf(w, "  newer: %s\n", newer)
	}
	switch c.GetPreferred() {
	case pb.Conflict_PREFERENCE_A:
		fmt.Fprintf(w, "  prefer A: %s\n", c.GetPreferredReason())
	case pb.Conflict_PREFERENCE_B:
		fmt.Fprintf(w, "  prefer B: %s\n", c.GetPreferredReason())
	}
	if r := c.GetResolution(); r != nil {
		fmt.Fprintf(w, "  settled: %s, by %s on %s", verdictName(r.GetVerdict()), r.GetAuthor(), day(r.GetTime()))
		if r.GetNote() != "" {
			fmt.Fprintf(w, ": %s", oneLine(r.GetNote()))
		}
		fmt.Fprintln(w)
	}
}

// newerSide says which side was changed last, "" if that is not known.
func newerSide(c *pb.ContestedValue) string {
	a, b := c.GetA().GetFreshness().GetModified(), c.GetB().GetFreshness().GetModified()
	switch {
	case a == nil || b == nil || a.AsTime().Equal(b.AsTime()):
		return ""
	case a.AsTime().After(b.AsTime()):
		return "A, of " + day(a)
	}
	return "B, of " + day(b)
}

// sideLines is one side of a conflict as lines of a column.
func sideLines(name string, s *pb.ConflictSide) (lines []string) {
	fresh := s.GetFreshness()
	about := []string{
		s.GetDocument().GetSource() + "/" + s.GetDocument().GetId(), "“" + markedSentence(s) + "”",
		fmt.Sprintf("%s: modified %s, verified %s", word(fresh.GetState().String(), "STATE_"), day(fresh.GetModified()), day(fresh.GetVerified())),
		"owner " + cmp.Or(s.GetOwner(), "unknown"),
	}
	if s.GetTitle() != "" {
		about[0] += ", " + s.GetTitle()
	}
	for i, text := range about {
		for j, line := range wrapped(oneLine(text), sideWidth-3) {
			lead := "   "
			if i == 0 && j == 0 {
				lead = name + "  "
			}
			lines = append(lines, lead+line)
		}
	}
	return lines
}

// markedSentence is the sentence with its value between marks.
func markedSentence(s *pb.ConflictSide) string {
	sentence, value := s.GetSentence(), s.GetValue()
	if value == "" {
		return sentence
	}
	if r, at := []rune(sentence), int(s.GetValueSpan().GetStart()-s.GetSpan().GetStart()); s.GetSpan() != nil && s.GetValueSpan() != nil && at >= 0 && at <= len(r) && strings.HasPrefix(string(r[at:]), value) {
		return string(r[:at]) + "»" + value + "«" + string(r[at:])[len(value):]
	}
	return strings.Replace(sentence, value, "»"+value+"«", 1)
}

// wrapped breaks a line between words so that none is longer than the width, if it can.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(w) > width {
			lines, line = append(lines, line), ""
		}
		for r := []rune(w); len(r) > width; r = []rune(w) { // an id or an address
			lines, w = append(lines, string(r[:width])), string(r[width:])
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}
