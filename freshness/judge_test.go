package freshness

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2030, 6, 15, 12, 0, 0, 0, time.UTC)

func TestJudgeOrder(t *testing.T) {
	interval := 90 * day
	all := Clocks{
		Modified: noon.Add(-10 * interval), ReviewInterval: interval,
		ValidFrom: noon.Add(day), ValidUntil: noon.Add(-day), Superseded: true,
		Cadence: day, Confirmed: noon.Add(-10 * day),
	}
	// Each step takes away the reason that won the step before.
	steps := []struct {
		want   State
		remove func(*Clocks)
	}{
		{Superseded, func(c *Clocks) { c.Superseded = false }},
		{Outdated, func(c *Clocks) { c.ValidUntil = time.Time{} }},
		{NotYetValid, func(c *Clocks) { c.ValidFrom = time.Time{} }},
		{Unknown, func(c *Clocks) { c.Cadence = 0 }},
		{Stale, func(c *Clocks) { c.Modified = noon.Add(-interval - day) }},
		{Due, func(c *Clocks) { c.Verified = noon.Add(-day) }},
		{Fresh, func(c *Clocks) { c.ReviewInterval = 0 }},
		{Unknown, func(*Clocks) {}},
	}
	c := all
	for _, s := range steps {
		if got := Judge(c, noon); got.State != s.want {
			t.Errorf("%+v: %v, want %v", c, got.State, s.want)
		}
		s.remove(&c)
	}
}

func TestJudgeBoundaries(t *testing.T) {
	const interval = 10*time.Hour + 1 // odd, so that one and a half is no whole nanosecond
	at := func(age time.Duration) State {
		return Judge(Clocks{Modified: noon.Add(-age), ReviewInterval: interval}, noon).State
	}
	for age, want := range map[time.Duration]State{
		0: Fresh, interval - 1: Fresh, interval: Due, interval + interval/2: Due, interval + interval/2 + 1: Stale,
	} {
		if got := at(age); got != want {
			t.Errorf("age %d: %v, want %v", age, got, want)
		}
	}
	heard := func(ago time.Duration) State {
		return Judge(Clocks{Modified: noon, ReviewInterval: 1000 * day, Cadence: interval, Confirmed: noon.Add(-ago)}, noon).State
	}
	for ago, want := range map[time.Duration]State{-day: Fresh, 0: Fresh, 3 * interval: Fresh, 3*interval + 1: Unknown} {
		if got := heard(ago); got != want {
			t.Errorf("the source heard of %v ago: %v, want %v", ago, got, want)
		}
	}
	valid := func(now time.Time) State {
		return Judge(Clocks{Modified: noon, ReviewInterval: 1000 * day, ValidFrom: noon, ValidUntil: noon.Add(time.Hour)}, now).State
	}
	for now, want := range map[time.Time]State{
		noon.Add(-1): NotYetValid, noon: Fresh, noon.Add(time.Hour - 1): Fresh, noon.Add(time.Hour): Outdated,
	} {
		if got := valid(now); got != want {
			t.Errorf("%v: %v, want %v", now, got, want)
		}
	}
}

func TestJudgeAnchor(t *testing.T) {
	interval := 100 * day
	old, recent := noon.Add(-200*day), noon.Add(-10*day)
	for name, tc := range map[string]struct {
		clocks Clocks
		want   Finding
	}{
		"a verification counts, however old the text": {
			Clocks{Modified: old, Verified: recent, ReviewInterval: interval},
			Finding{Fresh, "last verified on 2030-06-05; next review due on 2030-09-13", recent, recent.Add(interval), 0.1, 10}},
		"a verification vouches for a text that says it is newer": {
			Clocks{Modified: recent, Verified: old, ReviewInterval: interval},
			Finding{Stale, "last verified on 2029-11-27; review fell due on 2030-03-07 and is overdue by half an interval or more", old, old.Add(interval), 2, 200}},
		"a source that is silent": {
			Clocks{Modified: recent, ReviewInterval: interval, Cadence: 2 * day, Confirmed: recent.Add(-1)},
			Finding{Unknown, "its source has not been synced since 2030-06-05, though it promises to be every 2 days", recent, recent.Add(interval), 0.1, 10}},
		"no interval": {
			Clocks{Modified: recent},
			Finding{Unknown, "last changed on 2030-06-05; no review interval is set", recent, time.Time{}, 0, 10}},
		"nothing known": {
			Clocks{ReviewInterval: interval},
			Finding{Unknown, "neither a verification nor a modification date is known", time.Time{}, time.Time{}, 0, 0}},
		"a date far ahead is no evidence": {
			Clocks{Modified: noon.Add(400 * day), ReviewInterval: interval},
			Finding{Unknown, "its dates lie in the future", time.Time{}, time.Time{}, 0, 0}},
		"a clock a little ahead is": {
			Clocks{Modified: noon.Add(time.Hour), ReviewInterval: interval},
			Finding{Fresh, "last changed on 2030-06-15; next review due on 2030-09-23", noon.Add(time.Hour), noon.Add(time.Hour + interval), 0, 0}},
	} {
		if diff := cmp.Diff(tc.want, Judge(tc.clocks, noon)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestJudgeIsTotal draws clocks without regard to sense and checks what must hold of every finding.
func TestJudgeIsTotal(t *testing.T) {
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "unset") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-1<<36, 1<<36).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos"))
	})
	rapid.Check(t, func(t *rapid.T) {
		c := Clocks{
			Modified: instant.Draw(t, "modified"), Verified: instant.Draw(t, "verified"),
			ReviewInterval: time.Duration(rapid.Int64().Draw(t, "interval")),
			ValidFrom:      instant.Draw(t, "from"), ValidUntil: instant.Draw(t, "until"),
			Superseded: rapid.Bool().Draw(t, "superseded"),
		}
		now := instant.Draw(t, "now")
		f := Judge(c, now)
		switch {
		case c.Superseded != (f.State == Superseded):
			t.Fatalf("superseded %v but %v", c.Superseded, f.State)
		case f.State.String() == "" || f.Reason == "" || strings.Contains(f.Reason, "%!"):
			t.Fatalf("no words: %+v", f)
		case f.AgeDays < 0 || f.Ratio < 0 || math.IsNaN(f.Ratio) || math.IsInf(f.Ratio, 0):
			t.Fatalf("age %d ratio %v", f.AgeDays, f.Ratio)
		}
		switch f.State {
		case Fresh, Due, Stale:
			if f.Anchor.IsZero() || f.Due.IsZero() || c.ReviewInterval <= 0 {
				t.Fatalf("%v without dates: %+v", f.State, f)
			}
			if f.State == Fresh && f.Ratio > 1.0001 || f.State == Stale && f.Ratio < 1.4999 {
				t.Fatalf("%v at ratio %v", f.State, f.Ratio)
			}
		}
		if diff := cmp.Diff(f, Judge(c, now)); diff != "" {
			t.Fatalf("judged twice: %s", diff)
		}
	})
}

// TestJudgeOnlyAges checks that time alone never makes a document fresher.
func TestJudgeOnlyAges(t *testing.T) {
	rank := map[State]int{Fresh: 0, Due: 1, Stale: 2}
	rapid.Check(t, func(t *rapid.T) {
		c := Clocks{Modified: noon, ReviewInterval: time.Duration(rapid.Int64Range(1, int64(3000*day)).Draw(t, "interval"))}
		first := noon.Add(time.Duration(rapid.Int64Range(0, int64(9000*day)).Draw(t, "first")))
		later := first.Add(time.Duration(rapid.Int64Range(0, int64(9000*day)).Draw(t, "later")))
		if a, b := Judge(c, first).State, Judge(c, later).State; rank[a] > rank[b] {
			t.Fatalf("%v, then %v", a, b)
		}
	})
}

func TestStateNames(t *testing.T) {
	if got := State(200).String(); got != "UNKNOWN" {
		t.Errorf("a state that does not exist is %q", got)
	}
	if got := (State(0)).String(); got != "UNKNOWN" {
		t.Errorf("the zero state is %q", got)
	}
}

// What During says is what Judge says, all through the interval that it names.
func TestDuringIsJudge(t *testing.T) {
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.IntRange(0, 3).Draw(t, "known") == 0 {
			return time.Time{}
		}
		return noon.Add(time.Duration(rapid.IntRange(-8, 8).Draw(t, "halves"))*day/2 + time.Duration(rapid.IntRange(-1, 1).Draw(t, "ns")))
	})
	lasts := rapid.SampledFrom([]time.Duration{0, -1, 1, day / 2, day, day + 1, 3 * day, math.MaxInt64})
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		c := Clocks{
			Modified: instant.Draw(t, "modified"), Verified: instant.Draw(t, "verified"), ReviewInterval: lasts.Draw(t, "interval"),
			ValidFrom: instant.Draw(t, "from"), ValidUntil: instant.Draw(t, "until"), Superseded: rapid.Bool().Draw(t, "superseded"),
			Cadence: lasts.Draw(t, "cadence"), Confirmed: instant.Draw(t, "confirmed"),
		}
		now, other := instant.Draw(t, "now"), instant.Draw(t, "other")
		s, from, until := During(c, now)
		if want := Judge(c, now).State; s != want {
			t.Fatalf("%v, Judge says %v", s, want)
		}
		inside := !other.Before(from) && (until.IsZero() || other.Before(until))
		if now.Before(from) || !until.IsZero() && !now.Before(until) {
			t.Fatalf("%v is not in [%v, %v)", now, from, until)
		}
		for _, at := range []time.Time{other, from, until.Add(-1)} {
			if at != other && (at.Before(from) || at.IsZero() || until.IsZero()) || at == other && !inside {
				continue
			}
			if got := Judge(c, at); got.State != s || c.InForce(at) != c.InForce(now) || c.Vouched(at) != c.Vouched(now) {
				t.Fatalf("%v at %v and %v at %v, which is in [%v, %v)", s, now, got.State, at, from, until)
			}
			moved++
		}
	})
	if moved == 0 {
		t.Error("no interval was longer than its instant")
	}
}
