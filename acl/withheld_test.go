package acl_test

import (
	"testing"
	"time"

	"github.com/muniment/muniment/acl"
)

// openTo is a document of the source that everyone may read until the instant, if any.
func openTo(source string, until time.Time) acl.Access {
	return acl.Access{
		Chain:  []*acl.Policy{{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone, NotAfter: until}}}}}},
		Source: source, Sensitivity: "internal",
	}
}

// A source is withheld from its instant on, for everyone, and no other source is.
func TestWithheldSources(t *testing.T) {
	d := new(acl.Directory).Withhold(acl.Withholding{"hr": noon})
	for _, c := range []struct {
		source string
		at     time.Time
		want   acl.Decision
	}{
		{"hr", noon.Add(-1), acl.Decision{Admitted: true, Until: noon}},
		{"hr", noon, acl.Decision{From: noon}},
		{"hr", noon.Add(time.Hour), acl.Decision{From: noon}},
		{"wiki", noon, acl.Decision{Admitted: true}},
		{"", noon, acl.Decision{Admitted: true}},
	} {
		v := viewOf(t, d, anyone(ada), c.at)
		if got := v.Decide(openTo(c.source, time.Time{})); got != c.want {
			t.Errorf("%q at %s: %+v, want %+v", c.source, c.at, got, c.want)
		}
		if !v.Regardless().Admits(openTo(c.source, time.Time{})) {
			t.Errorf("%q at %s: not even regardless of what is withheld", c.source, c.at)
		}
	}
	// What ends earlier, and what nobody may read anyway.
	early := noon.Add(-time.Hour)
	if got := viewOf(t, d, anyone(ada), early.Add(-1)).Decide(openTo("hr", early)); !got.Admitted || !got.Until.Equal(early) {
		t.Errorf("a grant that ends earlier: %+v", got)
	}
	after := viewOf(t, d, anyone(ada), noon).Regardless()
	if after.Admits(openTo("hr", early)) || after.Admits(acl.Access{Source: "hr", Sensitivity: "internal"}) {
		t.Error("regardless of what is withheld, more is admitted than the policies say")
	}
}

// Whatever a view decides by is in its digest, as a cache is kept under it.
func TestDigestTellsWithholdingApart(t *testing.T) {
	seen := map[[32]byte]string{}
	for name, w := range map[string]acl.Withholding{
		"nothing":         nil,
		"hr":              {"hr": noon},
		"hr, later":       {"hr": noon.Add(time.Nanosecond)},
		"wiki":            {"wiki": noon},
		"both":            {"hr": noon, "wiki": noon},
		"two in one name": {"hrwiki": noon},
	} {
		v := viewOf(t, new(acl.Directory).Withhold(w), anyone(ada), noon)
		if other, taken := seen[v.Digest()]; taken {
			t.Errorf("%s and %s share a digest", name, other)
		}
		seen[v.Digest()] = name
		if v.Regardless().Digest() != viewOf(t, new(acl.Directory), anyone(ada), noon).Digest() {
			t.Errorf("%s: regardless of it, the digest differs from that of a view without", name)
		}
	}
}

// The groups of a caller change with the directory and not with what is withheld.
func TestWithholdingIsKeptApartFromGroups(t *testing.T) {
	d := new(acl.Directory).Withhold(acl.Withholding{"hr": noon})
	next := d.With(acl.Change{Group: "group:a", Members: []acl.Principal{ada}})
	policy := openTo("hr", time.Time{})
	policy.Chain[0].Layers[0].Allow[0].Principal = "group:a"
	if viewOf(t, next, anyone(ada), noon).Admits(policy) {
		t.Error("a change of groups forgot what is withheld")
	}
	if !viewOf(t, next, anyone(ada), noon.Add(-1)).Admits(policy) {
		t.Error("what is withheld later is withheld now")
	}
	for _, d := range []*acl.Directory{next.Withhold(nil), next.Withhold(acl.Withholding{"hr": noon.Add(1)})} {
		if !viewOf(t, d, anyone(ada), noon).Admits(policy) {
			t.Error("a confirmed source is withheld, or the groups are gone")
		}
	}
	if viewOf(t, d, anyone(ada), noon.Add(-1)).Admits(policy) {
		t.Error("the earlier directory knows of the group")
	}
}

func TestExplainNamesWhatWithholds(t *testing.T) {
	v := viewOf(t, new(acl.Directory).Withhold(acl.Withholding{"hr": noon}), anyone(ada), noon)
	p := v.Explain(openTo("hr", time.Time{}))
	if p.Admitted || !p.Withheld.Equal(noon) || !p.Nodes[0].Admitted {
		t.Errorf("withheld: %+v", p)
	}
	if p := v.Explain(openTo("wiki", time.Time{})); !p.Admitted || !p.Withheld.IsZero() {
		t.Errorf("not withheld: %+v", p)
	}
}

// A directory that remembers its callers answers like one that does not, for callers that
// share a name too.
func TestRememberedCallers(t *testing.T) {
	for seed := range uint64(200) {
		r := roll(seed)
		w := r.world()
		d := directoryOf(w)
		for range 20 {
			id, at := identityOf(w, r.caller()), r.instant()
			if got, want := viewOf(t, d, id, at), viewOf(t, directoryOf(w), id, at); got.Digest() != want.Digest() {
				t.Fatalf("seed %d: %+v is remembered as somebody else", seed, id)
			}
		}
	}
}
