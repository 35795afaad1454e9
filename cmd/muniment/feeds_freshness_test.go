package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/internal/prove"
)

// rawDocument is what the review of a document depends on, as a feed has it.
type rawDocument struct {
	Source, ID string
	Modified   time.Time
	Interval   string `json:"review_interval"`
	Verified   *struct{ At time.Time }
	ValidFrom  *time.Time `json:"valid_from"`
	ValidUntil *time.Time `json:"valid_until"`
}

// rawDocuments reads a feed as JSON, with nothing of the product.
func rawDocuments(t *testing.T, file string) map[string]rawDocument {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]rawDocument{}
	for decoder := json.NewDecoder(unzipped); decoder.More(); {
		var line struct{ Document *rawDocument }
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if d := line.Document; d != nil {
			all[d.Source+"/"+d.ID] = *d
		}
	}
	return all
}

// judged is the state by the dates: in whole seconds, as a person with a calendar would.
func (d rawDocument) judged(t *testing.T, at time.Time) (state string, ratio float64) {
	t.Helper()
	since := d.Modified
	if d.Verified != nil {
		since = d.Verified.At
	}
	interval := 0.0
	if d.Interval != "" {
		if _, err := fmt.Sscanf(d.Interval, "%gs", &interval); err != nil {
			t.Fatal(err)
		}
		ratio = max(0, float64(at.Unix()-since.Unix())/interval)
	}
	switch {
	case d.ValidUntil != nil && !at.Before(*d.ValidUntil):
		return "OUTDATED", ratio
	case d.ValidFrom != nil && at.Before(*d.ValidFrom):
		return "NOT_YET_VALID", ratio
	case interval == 0 || since.After(at.Add(24*time.Hour)):
		return "UNKNOWN", 0
	case ratio >= 1.5:
		return "STALE", ratio
	case ratio >= 1:
		return "DUE", ratio
	}
	return "FRESH", ratio
}

// TestReportOfRealFeeds compares the report on feeds of which people wrote the review dates
// with a calculation from those dates.
func TestReportOfRealFeeds(t *testing.T) {
	dir := os.Getenv(feedsVariable)
	if dir == "" {
		const missing = "not shown, for the feeds are not part of the repository: set " + feedsVariable + " to the directory that holds feeds/gds-way.jsonl.gz and feeds/moj-cloud-platform.jsonl.gz"
		prove.Report(t, "freshness of real feeds", missing)
		t.Skip(missing)
	}
	t.Parallel()
	compared := 0
	states := map[string]int{}
	for _, name := range []string{"gds-way", "moj-cloud-platform"} {
		file := filepath.Join(dir, "feeds", name+".jsonl.gz")
		raw := rawDocuments(t, file)
		s := startChild(t, t.TempDir())
		s.ingests(t, file)
		token := s.token(identity.Request{
			Subject: acl.Principal("user:local/" + name + "-reader"), Roles: []identity.Grant{{Role: identity.RoleSteward, Source: name}},
		})
		for _, day := range []string{"2025-06-30", "2026-01-01", "2026-09-15", "2027-03-01"} {
			at, err := time.Parse(time.DateOnly, day)
			if err != nil {
				t.Fatal(err)
			}
			got := program(t, "MUNIMENT_ADDR="+s.addr, "MUNIMENT_TOKEN="+token, "freshness", "report", "--json", "--as-of", day)
			if got.code != exitOK {
				t.Fatalf("%+v", got)
			}
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			if len(lines) != len(raw) {
				t.Errorf("%s on %s: %d documents in the report, %d in the feed", name, day, len(lines), len(raw))
			}
			last := math.Inf(1)
			for _, l := range lines {
				var d struct {
					Document        struct{ Source, ID string }
					State           string
					Ratio, Priority float64
				}
				if err := json.Unmarshal([]byte(l), &d); err != nil {
					t.Fatal(err)
				}
				key := d.Document.Source + "/" + d.Document.ID
				state, ratio := raw[key].judged(t, at)
				if strings.TrimPrefix(d.State, "STATE_") != state || math.Abs(d.Ratio-ratio) > 1e-9 {
					t.Errorf("%s on %s: %s %v in the report, %s %v by its dates", key, day, d.State, d.Ratio, state, ratio)
				}
				severity := map[string]float64{"OUTDATED": 3, "STALE": 2, "DUE": 1}[state]
				if want := severity * max(1, min(4, ratio)); math.Abs(d.Priority-want) > 1e-9 || d.Priority > last {
					t.Errorf("%s on %s: priority %v after %v, want %v", key, day, d.Priority, last, want)
				}
				last = d.Priority
				states[state]++
				compared++
			}
		}
	}
	if states["STALE"] < 100 || states["DUE"] < 10 || states["FRESH"] < 100 {
		t.Errorf("the feeds say little: %v", states)
	}
	prove.Report(t, "freshness of real feeds", "%d judgements agree with a calculation from the review dates: %v", compared, states)
}
