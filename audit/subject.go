package audit

import "slices"

// Subject is something that records are about: what they can be found by. It is comparable;
// the zero Subject is of no record.
type Subject struct {
	aspect aspect
	a, b   string
}

// aspect says what about a record the Subject is.
type aspect byte

const (
	ofID aspect = 1 + iota
	ofDocument
	ofUser
	ofApp
	ofKind
	ofRetrieval
	ofCaller
	ofRequest
)

// WithID is the one record of that id.
func WithID(id string) Subject { return Subject{aspect: ofID, a: id} }

// ByCaller is the records of what an application did for a user.
func ByCaller(user, app string) Subject { return Subject{ofCaller, user, app} }

// OfRequest is the record of the answer that a caller reported under that request id.
func OfRequest(user, app, id string) Subject { return Subject{ofRequest, user + "\x00" + app, id} }

// OfDocument is the records in which a document was returned, read, cited or changed.
func OfDocument(source, id string) Subject { return Subject{ofDocument, source, id} }

// ByUser is the records of what was done for a user, a principal.
func ByUser(user string) Subject { return Subject{aspect: ofUser, a: user} }

// ByApp is the records of what an application, a principal, did.
func ByApp(app string) Subject { return Subject{aspect: ofApp, a: app} }

// OfKind is the records of a kind.
func OfKind(k Kind) Subject { return Subject{aspect: ofKind, a: string(k)} }

// OfRetrieval is the records of answers that were made from the retrieval of that id.
func OfRetrieval(id string) Subject { return Subject{aspect: ofRetrieval, a: id} }

// each says what the record is about, some of it more than once.
func (r *Record) each(f func(Subject)) {
	f(WithID(r.ID))
	f(OfKind(r.Kind))
	if r.User != "" {
		f(ByUser(r.User))
	}
	if r.App != "" {
		f(ByApp(r.App))
	}
	if r.User != "" && r.App != "" {
		f(ByCaller(r.User, r.App))
	}
	if r.Retrieval != nil {
		for i := range r.Retrieval.Sources {
			f(OfDocument(r.Retrieval.Sources[i].Source, r.Retrieval.Sources[i].ID))
		}
	}
	if r.Answer != nil {
		for _, id := range r.Answer.Retrievals {
			f(OfRetrieval(id))
		}
		if r.Answer.Request != "" {
			f(OfRequest(r.User, r.App, r.Answer.Request))
		}
		for _, c := range r.Answer.Citations {
			if c.Resolved() {
				f(OfDocument(c.Source, c.ID))
			}
		}
	}
	if r.Read != nil && r.Read.Source != "" {
		f(OfDocument(r.Read.Source, r.Read.ID))
	}
	if r.Change != nil && r.Change.Source != "" {
		f(OfDocument(r.Change.Source, r.Change.ID))
	}
}

// About reports whether the record is about the subject.
func (r *Record) About(s Subject) (about bool) {
	r.each(func(other Subject) { about = about || other == s })
	return about
}

// hash is what the register knows of the subject: FNV-1a. Two subjects may share it, so what is
// found by it is compared with the record itself.
func (s Subject) hash() uint64 {
	const start, prime = 14695981039346656037, 1099511628211
	h := (start ^ uint64(s.aspect)) * prime
	for n, i := uint32(len(s.a)), 0; i < 4; n, i = n>>8, i+1 { // where one part ends and the other begins
		h = (h ^ uint64(byte(n))) * prime
	}
	for i := range len(s.a) {
		h = (h ^ uint64(s.a[i])) * prime
	}
	for i := range len(s.b) {
		h = (h ^ uint64(s.b[i])) * prime
	}
	return h
}

// mentionsEach is room for the mentions of a usual record: a retrieval of ten documents.
const mentionsEach = 15

// mentions appends the hashes of all that the record is about, each once; none if it is erased.
func (r *Record) mentions(list []mention, index int64) []mention {
	if r.ID == "" {
		return list
	}
	known := len(list)
	r.each(func(s Subject) {
		m := mention{s.hash(), index}
		if !slices.Contains(list[known:], m) {
			list = append(list, m)
		}
	})
	return list
}
