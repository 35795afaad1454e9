package catalogtest

import (
	"math"
	"time"

	"github.com/muniment/muniment/catalog"
)

// clock sets how the handbook counts versions.
func (w *bench) clock(c catalog.VersionClock) {
	w.Helper()
	w.one(catalog.PutSource{Source: "handbook", Settings: catalog.SourceSettings{Clock: c}})
}

// next is the time of the next commit.
func (w *bench) next() time.Time { return w.now.Add(time.Minute) }

// reading is what a clock shows at an instant.
func reading(c catalog.VersionClock, t time.Time) int64 {
	switch c {
	case catalog.ClockSeconds:
		return t.Unix()
	case catalog.ClockMillis:
		return t.UnixMilli()
	case catalog.ClockMicros:
		return t.UnixMicro()
	}
	return t.UnixNano()
}

// tick is what a clock counts.
var tick = map[catalog.VersionClock]time.Duration{
	catalog.ClockSeconds: time.Second, catalog.ClockMillis: time.Millisecond,
	catalog.ClockMicros: time.Microsecond, catalog.ClockNanos: time.Nanosecond,
}

var clockCases = []testCase{
	{"A version may lie five minutes ahead by the source's clock, and no tick more", func(w *bench) {
		for c := catalog.ClockSeconds; c <= catalog.ClockNanos; c++ {
			w.clock(c)
			limit := w.next().Add(catalog.MaxAhead)
			w.one(put("at the limit "+tick[c].String(), reading(c, limit), "one", with(0, everyone)))
			limit = w.next().Add(catalog.MaxAhead).Add(tick[c])
			w.refused(put("beyond it "+tick[c].String(), reading(c, limit), "one"), catalog.ErrVersionFuture)
			w.refused(put("at the end of time "+tick[c].String(), math.MaxInt64, "one"), catalog.ErrVersionFuture)
			w.one(put("long ago "+tick[c].String(), math.MinInt64, "one"))
		}
	}},
	{"Without a clock, what reads as seconds or milliseconds is a time", func(w *bench) {
		far := w.now.Add(10 * 365 * 24 * time.Hour)
		for _, version := range []int64{far.Unix(), far.UnixMilli(), 9_999_999_999, 9_999_999_999_999} {
			w.refused(put("a", version, "one"), catalog.ErrVersionFuture)
		}
		for i, version := range []int64{math.MinInt64, -1, 0, 999_999_999, 1_000_000_000, w.now.Unix(), 10_000_000_000, 999_999_999_999,
			1_000_000_000_000, w.now.UnixMilli(), 10_000_000_000_000, far.UnixMicro(), far.UnixNano(), math.MaxInt64} {
			w.one(put("b"+string(rune('a'+i)), version, "one"))
		}
		w.clock(catalog.ClockCounter)
		w.one(put("a", far.Unix(), "one"))
	}},
	{"A deletion in the future is refused", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		w.one(put("a", w.now.Unix(), "one", with(0, everyone)))
		far := w.now.Add(time.Hour).Unix()
		w.refused(catalog.DeleteDocument{Document: name("a"), Version: far}, catalog.ErrVersionFuture)
		w.refused(catalog.DeleteDocument{Document: name("never"), Version: far}, catalog.ErrVersionFuture)
		w.expect(name("a"), true, true)
	}},
	{"An access version in the future is refused, because it would keep out every revocation", func(w *bench) {
		w.clock(catalog.ClockSeconds)
		now, far := w.now.Unix(), w.now.Add(time.Hour).Unix()
		w.one(put("a", now, "one", with(now, everyone)))
		w.refused(access("a", far, forAda), catalog.ErrVersionFuture)
		w.refused(put("a", now+1, "two", with(far, forAda)), catalog.ErrVersionFuture)
		w.refused(put("a", now-1, "none", with(far, forAda)), catalog.ErrVersionStale)
		w.one(put("a", now+1, "two", func(m *catalog.PutDocument) { m.Access.Version = far })) // names no field
		w.text("a", "two")
		w.one(access("a", now, forBob))
		w.expect(name("a"), false, true)
	}},
	{"A container version in the future is refused", func(w *bench) {
		w.clock(catalog.ClockMillis)
		w.refused(folder("f", w.now.Add(time.Hour).UnixMilli(), "", everyone), catalog.ErrVersionFuture)
		w.one(folder("f", w.now.UnixMilli(), "", everyone))
		w.one(folder("f", 0, "", forAda))
	}},
	{"RET-08: a source whose clock runs ten years ahead poisons no version", func(w *bench) {
		w.one(put("a", w.now.Unix(), "one", with(0, everyone)))
		poisoned := w.now.AddDate(10, 0, 0).Unix()
		w.refused(put("a", poisoned, "poisoned"), catalog.ErrVersionFuture)
		w.refused(catalog.DeleteDocument{Document: name("a"), Version: poisoned}, catalog.ErrVersionFuture)
		w.one(put("a", w.now.Unix(), "a real update"))
		w.reopen()
		w.text("a", "a real update")
	}},
}
