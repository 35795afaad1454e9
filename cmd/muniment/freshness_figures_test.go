package main

import (
	"cmp"
	"flag"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

var freshnessFigures = flag.String("freshness", "", "the folder of feeds/*.jsonl.gz on which TestFreshnessFigures measures how old versions rank")

// The goals of TestFreshnessFigures.
const (
	staleAboveCurrent = 0.01  // at most this share of the questions that find both
	lossWithoutStale  = 0.005 // of the mean reciprocal rank, against ranking by relevance alone
)

// TestFreshnessFigures measures what is done about old versions on a handbook and 300 old versions
// of its pages, which nothing marks as such: the headings of current pages are asked, as somebody
// who reads both, and the page is to come before its old versions. "make eval-freshness DATA=DIR".
func TestFreshnessFigures(t *testing.T) {
	if *freshnessFigures == "" {
		t.Skip("-freshness says where the feeds are")
	}
	const current, archive, reader = "18f-handbook", "18f-handbook-archive", "user:local/18f-handbook-reader"
	s := startServer(t, t.TempDir())
	pages := map[string]*pb.Document{} // the current ones, by their addresses
	versions := map[string]int{}       // old ones
	var items []*pb.IngestRequest
	err := readFeed(filepath.Join(*freshnessFigures, "feeds", current+".jsonl.gz"), func(_ int, item *pb.IngestRequest, bad error) error {
		items = append(items, item)
		switch d := item.GetDocument(); d.GetSource() {
		case current:
			pages[d.GetUri()] = d
		case archive:
			versions[d.GetUri()]++
		}
		return bad
	})
	if err != nil {
		t.Fatal(err)
	}
	s.mustSend(items...)

	// found is where the page and the first of its old versions are, from 1, 0 if they are not.
	type found struct {
		current, stale int
		detected       bool // that what is stale, all of it, is replaced
		byRelevance    struct{ current, stale int }
	}
	ask := func(query, uri string, f *pb.Filter, trust pb.Trust) (out found) {
		resp, err := s.retrieval().Retrieve(s.user(reader), &pb.RetrieveRequest{Query: query, Limit: 100, Filter: f, Trust: trust})
		if err != nil {
			t.Fatal(err)
		}
		results := resp.GetResults()
		out.detected = true
		for _, r := range results {
			if r.GetUri() == uri && r.GetDocument().GetSource() == archive && r.GetFreshness().GetState() != pb.Freshness_STATE_SUPERSEDED {
				out.detected = false
			}
		}
		out.current, out.stale = places(results, uri, current)
		// As it would be without a word about age: demotion is taken back, and ties are none.
		relevance := func(r *pb.Result) float64 {
			if r.GetFreshness().GetState() == pb.Freshness_STATE_SUPERSEDED {
				return 2 * r.GetScore()
			}
			return r.GetScore()
		}
		slices.SortStableFunc(results, func(a, b *pb.Result) int {
			return cmp.Or(cmp.Compare(relevance(b), relevance(a)), cmp.Compare(a.GetCitationId(), b.GetCitationId()))
		})
		out.byRelevance.current, out.byRelevance.stale = places(results, uri, current)
		return out
	}

	var all, both, missed, above, aboveUndetected, aboveByRelevance, aboveCurrentOnly int
	var rank, rankByRelevance, alone, aloneByRelevance float64
	reciprocal := func(place int) float64 {
		if place == 0 {
			return 0
		}
		return 1 / float64(place)
	}
	for _, q := range headingQuestions(pages, versions) {
		all++
		got := ask(q.text, q.uri, nil, 0)
		rank, rankByRelevance = rank+reciprocal(got.current), rankByRelevance+reciprocal(got.byRelevance.current)
		if got.current > 0 && got.stale > 0 {
			both++
			if !got.detected {
				missed++
			}
			if got.stale < got.current {
				if above++; !got.detected {
					aboveUndetected++
				}
			}
			if got.byRelevance.stale < got.byRelevance.current {
				aboveByRelevance++
			}
		}
		if only := ask(q.text, q.uri, nil, pb.Trust_TRUST_CURRENT_ONLY); only.stale > 0 && only.stale < only.current {
			aboveCurrentOnly++
		}
		without := ask(q.text, q.uri, &pb.Filter{Sources: []string{current}}, 0)
		alone, aloneByRelevance = alone+reciprocal(without.current), aloneByRelevance+reciprocal(without.byRelevance.current)
	}
	share := func(n int) float64 { return 100 * float64(n) / float64(max(1, both)) }
	mean := func(sum float64) float64 { return sum / float64(max(1, all)) }
	t.Logf("%d questions, of which %d find the page and an old version", all, both)
	t.Logf("stale above current: %.2f %% (by relevance alone %.2f %%, with TRUST_CURRENT_ONLY %.2f %%)", share(above), share(aboveByRelevance), share(aboveCurrentOnly))
	t.Logf("questions with an old version not known to be replaced: %.2f %%; stale above current among them, of all: %.2f %%", share(missed), share(aboveUndetected))
	t.Logf("MRR with old versions: %.4f (by relevance alone %.4f)", mean(rank), mean(rankByRelevance))
	t.Logf("MRR without old versions: %.4f (by relevance alone %.4f)", mean(alone), mean(aloneByRelevance))
	if both < 300 {
		t.Errorf("%d questions say little", both)
	}
	if detected := float64(above-aboveUndetected) / float64(max(1, both-missed)); detected > staleAboveCurrent {
		t.Errorf("where all old versions are known to be replaced, %.2f %% of the questions have one above the page, want at most %.0f %%", 100*detected, 100*staleAboveCurrent)
	}
	if loss := mean(aloneByRelevance) - mean(alone); loss > lossWithoutStale {
		t.Errorf("where nothing is stale, the MRR is lower by %.4f, want at most %.3f", loss, lossWithoutStale)
	}
}

// places are those of the page and of the first of its old versions among the documents.
func places(results []*pb.Result, uri, source string) (current, stale int) {
	seen := map[string]bool{}
	for _, r := range results {
		key := r.GetDocument().GetSource() + "\x00" + r.GetDocument().GetId()
		if seen[key] {
			continue
		}
		seen[key] = true
		switch {
		case r.GetUri() != uri:
		case r.GetDocument().GetSource() == source && current == 0:
			current = len(seen)
		case r.GetDocument().GetSource() != source && stale == 0:
			stale = len(seen)
		}
	}
	return current, stale
}

var headingLine = regexp.MustCompile(`(?m)^#{1,4} +(.+?)[ #]*$`)

type headingQuestion struct{ text, uri string }

// headingQuestions are the titles and headings of two words and more of the current pages that have
// old versions, but for those that stand on several pages.
func headingQuestions(pages map[string]*pb.Document, versions map[string]int) (list []headingQuestion) {
	on := map[string]map[string]bool{} // pages by heading
	for uri, d := range pages {
		texts := []string{d.GetTitle()}
		for _, m := range headingLine.FindAllStringSubmatch(d.GetText(), -1) {
			texts = append(texts, m[1])
		}
		for _, text := range texts {
			if text = strings.TrimSpace(text); len(strings.Fields(text)) < 2 || len(strings.Fields(text)) > 40 {
				continue
			}
			if on[text] == nil {
				on[text] = map[string]bool{}
			}
			on[text][uri] = true
		}
	}
	for text, uris := range on {
		for uri := range uris {
			if len(uris) == 1 && versions[uri] > 0 {
				list = append(list, headingQuestion{text, uri})
			}
		}
	}
	slices.SortFunc(list, func(a, b headingQuestion) int { return cmp.Compare(a.text, b.text) })
	return list
}
