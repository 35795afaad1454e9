package replay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/retriever"
)

// Unsupported says why a retrieval cannot be replayed by this server: the record lacks
// something that decided, or the server ranks by other rules.
type Unsupported struct{ Why string }

// Error implements error.
func (e *Unsupported) Error() string { return "replay: unsupported: " + e.Why }

func unsupported(format string, args ...any) error {
	return &Unsupported{fmt.Sprintf(format, args...)}
}

// question is what was asked, by whom, and what could not be done as usual.
type question struct {
	retriever.Request
	caller acl.Identity
	lacks  map[retriever.Degradation]bool
}

// read makes the question of a record. Error: *Unsupported.
func (p *Replayer) read(record audit.Record) (q question, err error) {
	of := record.Retrieval
	if of == nil {
		return q, unsupported("the record is of no retrieval")
	}
	var options retriever.Options
	decoder := json.NewDecoder(bytes.NewReader(of.Options))
	decoder.DisallowUnknownFields() // which might have decided
	switch err := decoder.Decode(&options); {
	case of.Caller == nil || of.Caller.Scope == nil:
		return q, unsupported("it was recorded by an older server, which did not note what the app could reach")
	case of.Revision == 0:
		return q, unsupported("the catalog was empty")
	case of.Ranking != retriever.Ranking:
		return q, unsupported("it was ranked by %q, and this server ranks by %q", of.Ranking, retriever.Ranking)
	case err != nil || options.Limit < 1 || options.Limit > retriever.MostResults || options.From < 0 || options.From >= retriever.MostResults:
		return q, unsupported("the recorded options are not ones of this server")
	case options.VectorHash != "":
		return q, unsupported("the query brought a vector, of which the hash alone is recorded")
	case of.VectorSpace != p.Retriever.Space.ID:
		return q, unsupported("the query was embedded in the space %q, and this server embeds in %q", of.VectorSpace, p.Retriever.Space.ID)
	case of.Query == "":
		return q, unsupported("the query is not recorded")
	}
	q.Request = retriever.Request{
		ID: record.ID, Query: of.Query, Limit: options.Limit, From: options.From, Filter: options.Filter, AsOf: options.AsOf,
		Chain: record.Chain, Roles: of.Caller.Roles,
	}
	q.lacks = map[retriever.Degradation]bool{}
	for _, d := range []retriever.Degradation{retriever.KeywordOnly, retriever.KeywordRebuilding, retriever.VectorRebuilding} {
		for _, name := range of.Degradations {
			q.lacks[d] = q.lacks[d] || name == d.String()
		}
	}
	if q.lacks[retriever.KeywordRebuilding] && (q.lacks[retriever.VectorRebuilding] || q.lacks[retriever.KeywordOnly]) {
		return q, unsupported("one index failed after the other while it was made")
	}
	q.caller, err = identity(record)
	return q, err
}

// identity is the recorded caller. Error: *Unsupported.
func identity(record audit.Record) (id acl.Identity, err error) {
	of := record.Retrieval.Caller
	id = acl.Identity{
		User: acl.Principal(record.User), App: acl.Principal(record.App), Guest: of.Guest, Clearance: clearance(of.Clearance),
		Scope: acl.Scope{AllSources: of.Scope.AllSources, Sources: of.Scope.Sources, Clearance: clearance(of.Scope.Clearance)},
	}
	switch g := record.Groups; {
	case g == nil:
		return id, unsupported("where the user's groups came from is not recorded")
	case g.From == audit.FromDirectory:
		return id, nil
	case g.From != audit.FromClaim:
		return id, unsupported("the user's groups came from %q, which this server does not know", g.From)
	case len(g.Listed) != g.Count:
		return id, unsupported("the user's token named %d groups, of which %d are recorded", g.Count, len(g.Listed))
	default:
		id.Groups = []acl.Principal{}
		for _, name := range g.Listed {
			id.Groups = append(id.Groups, acl.Principal(name))
		}
		if audit.GroupsOf(id).Hash != g.Hash {
			return id, unsupported("the recorded groups are not those of the recorded hash")
		}
		return id, nil
	}
}

func clearance(labels []string) acl.Clearance {
	c := acl.Clearance{}
	for _, label := range labels {
		c[label] = true
	}
	return c
}
