package folder

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/freshness"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Names of front matter for one thing, in the spelling of frontMatter, best first. They
// are those of Hugo, Jekyll, Docusaurus, VitePress, Starlight and the GOV.UK tech docs.
var (
	modifiedNames   = []string{"lastmod", "lastmodified", "lastmodifiedat", "modified", "lastupdated", "lastupdate", "updated", "updatedat"}
	dateNames       = []string{"date", "created"}
	verifiedNames   = []string{"verified", "verifiedat", "verifiedon", "lastreviewedon", "lastreviewedat", "lastreviewed", "reviewedon", "reviewed"}
	verifiedByNames = []string{"verifiedby", "lastreviewedby", "reviewedby"}
	intervalNames   = []string{"reviewinterval", "reviewin", "reviewevery"}
	fromNames       = []string{"validfrom", "effectivefrom", "effectivedate", "publishdate"}
	untilNames      = []string{"validuntil", "effectiveuntil", "expirydate", "expires"}
	uriNames        = []string{"uri", "canonicalurl", "canonical"}
	retentionNames  = []string{"retentionclass", "retention"}
)

// apply is front matter on its way into a document.
type apply struct {
	fm       frontMatter
	doc      *pb.Document
	file     string // slash path below the folder
	warnings []string
}

// warn notes a value that is left out.
func (a *apply) warn(name string, err error) {
	a.warnings = append(a.warnings, fmt.Sprintf("%s left out: %v", name, err))
}

// value returns the first of the names that says something.
func (a *apply) value(names []string) (name string, value any) {
	for _, name := range names {
		if v := a.fm.values[name]; v != nil {
			return name, v
		}
	}
	return "", nil
}

// date is the first of the names that has a date, and whether there is one.
func (a *apply) date(names []string) (t time.Time, ok bool) {
	name, v := a.value(names)
	if m, isMap := v.(map[string]any); isMap {
		v = m["date"] // last_update of Docusaurus
	}
	if _, isFlag := v.(bool); v == nil || isFlag {
		return t, false // last_updated: true asks a site's generator for something
	}
	t, err := parseDate(v)
	if err != nil {
		a.warn(name, err)
	}
	return t, err == nil
}

// access sets who may read the document. An error here must keep the document out.
func (a *apply) access(onlyRestrict bool) *Refusal {
	for _, key := range accessKeys {
		if slices.Contains(a.fm.twice, key) {
			return &Refusal{key, "stands twice"}
		}
	}
	given := 0
	for key, parse := range map[string]func(any) (*pb.Policy, error){"policy": policyOf, "access": policyOf, "readers": readersOf} {
		v, ok := a.fm.values[key]
		if !ok {
			continue
		}
		given++
		p, err := parse(v)
		if err != nil {
			return &Refusal{key, err.Error()}
		}
		if onlyRestrict {
			if p, err = restricted(a.doc.GetPolicy(), p); err != nil {
				return &Refusal{key, err.Error()}
			}
		}
		a.doc.Policy = p
	}
	if given > 1 {
		return &Refusal{"policy", "stands beside access or readers; give one of them"}
	}
	if v, ok := a.fm.values["sensitivity"]; ok {
		label, err := shortText(v)
		if err != nil {
			return &Refusal{"sensitivity", err.Error()}
		}
		a.doc.Sensitivity = proto.String(label)
	}
	return nil
}

// content sets all the rest; what cannot be used is left out with a warning.
func (a *apply) content(owners OwnerMap, dated bool, defaultInterval string) {
	d := a.doc
	if v := a.fm.values["title"]; v != nil {
		if title, err := plainText(v, 1<<20); err != nil {
			a.warn("title", err)
		} else {
			d.Title = title
		}
	}
	if name, v := a.value(uriNames); v != nil {
		if u, err := webAddress(v); err != nil {
			a.warn(name, err)
		} else {
			d.Uri = u
		}
	}
	if v := a.fm.values["owner"]; v != nil {
		if owner, err := owners.ownerOf(v); err != nil {
			a.warn("owner", err)
		} else {
			d.Owner = owner
		}
	}
	if t, ok := a.date(modifiedNames); ok {
		d.Modified = timestamppb.New(t)
	} else if !dated {
		if t, ok := a.date(dateNames); ok {
			d.Modified = timestamppb.New(t)
		}
	}
	a.review(owners, defaultInterval)
	a.validity()
	if name, v := a.value(retentionNames); v != nil {
		if class, err := shortText(v); err != nil {
			a.warn(name, err)
		} else {
			d.RetentionClass = class
		}
	}
	a.labels()
	a.succession(freshness.ReplacesNames, &d.Supersedes)
	a.succession(freshness.ReplacedByNames, &d.SupersededBy)
}

// review sets who vouched for the text, and how often that should happen.
func (a *apply) review(owners OwnerMap, interval string) {
	at, reviewed := time.Time{}, false
	by := a.doc.GetOwner()
	_, byValue := a.value(verifiedByNames)
	if m, ok := a.fm.values["verified"].(map[string]any); ok {
		byValue = m["by"]
		t, err := parseDate(m["at"])
		if err != nil {
			a.warn("verified.at", err)
		}
		at, reviewed = t, err == nil
	} else {
		at, reviewed = a.date(verifiedNames)
	}
	if byValue != nil {
		p, err := owners.ownerOf(byValue)
		if err != nil {
			a.warn("verified by", err)
		}
		by = p
	}
	switch {
	case reviewed && by != "":
		a.doc.Verified = &pb.Verification{By: by, At: timestamppb.New(at)}
	case reviewed && byValue == nil:
		a.warn("verified", errors.New("nobody is named who did it; add verified_by, or an owner"))
	}
	name, v := a.value(intervalNames)
	if v == nil && interval != "" {
		name, v = "review_interval", interval
	}
	if v == nil {
		return
	}
	text, err := shortText(v)
	if err == nil {
		var d time.Duration
		if d, err = parseInterval(text, at); err == nil {
			a.doc.ReviewInterval = durationpb.New(d)
			return
		}
	}
	a.warn(name, err)
}

func (a *apply) validity() {
	from, hasFrom := a.date(fromNames)
	until, hasUntil := a.date(untilNames)
	if hasFrom && hasUntil && !from.Before(until) {
		a.warn("valid_until", errors.New("is not after valid_from; both are left out"))
		return
	}
	if hasFrom {
		a.doc.ValidFrom = timestamppb.New(from)
	}
	if hasUntil {
		a.doc.ValidUntil = timestamppb.New(until)
	}
}

// labels adds labels, tags as "tag:NAME" and categories as "category:NAME".
func (a *apply) labels() {
	labels := map[string]string{}
	maps.Copy(labels, a.doc.GetLabels())
	for _, group := range []struct{ name, prefix string }{{"categories", "category:"}, {"tags", "tag:"}, {"labels", "tag:"}} {
		v := a.fm.values[group.name]
		if v == nil {
			continue
		}
		added, err := labelsOf(v)
		if err != nil {
			a.warn(group.name, err)
			continue
		}
		_, named := v.(map[string]any)
		for key, value := range added {
			if !named {
				key = group.prefix + key
			}
			if len(key) > 256 {
				a.warn(group.name, fmt.Errorf("%q has %d bytes, at most 256", key, len(key)))
				continue
			}
			labels[key] = value
		}
	}
	if len(labels) > 256 {
		a.warn("labels", fmt.Errorf("%d, at most 256", len(labels)))
		return
	}
	if len(labels) > 0 {
		a.doc.Labels = labels
	}
}

// succession adds the documents named by their paths: beside this one if they begin with "./" or
// "../", else from the top of the folder.
func (a *apply) succession(names []string, to *[]*pb.DocumentRef) {
	name, v := a.value(names)
	if v == nil {
		return
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, one := range list {
		text, err := plainText(one, 1024)
		if err != nil {
			a.warn(name, err)
			continue
		}
		id, ok := freshness.Beside(a.file, text)
		if !ok || id == a.file || len(*to) == 256 {
			a.warn(name, fmt.Errorf("%q is no other document of this folder, or is one too many", one))
			continue
		}
		if !slices.ContainsFunc(*to, func(r *pb.DocumentRef) bool { return r.GetId() == id }) {
			*to = append(*to, &pb.DocumentRef{Source: a.doc.GetSource(), Id: id})
		}
	}
}
