// Package scim lets an identity provider keep its users and groups here by SCIM 2.0 (RFC
// 7643 and 7644), as Okta and Entra ID speak it.
//
// A provider has one issuer, and touches principals of that issuer alone:
//
//	user:<issuer>/<subject>  subject is what the issuer's tokens carry as sub: the user's
//	                         externalId, userName or id, as Config.Subject says
//	group:<issuer>/<name>    name is the group's id or externalId, as Config.GroupName says
//
// A principal never changes: displayName is data, and what a principal is made from cannot be
// changed, for policies name it. What is deleted here is shut out for good: a token that was
// made before, or that the provider still makes, reads nothing, until the same user is
// created again.
//
// Everything is kept in the catalog. A request that changes something is answered once the
// change is durable, recorded and in force.
package scim

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/catalog"
)

// Limits of requests and answers.
const (
	maxBody  = 1 << 20
	maxCount = 200 // resources of one page
)

// Catalog is where users and groups are kept.
type Catalog interface {
	// Entries returns all entries as they are now.
	Entries(ctx context.Context) ([]catalog.Entry, error)
	// Members returns a group's direct members, sorted. They must not be changed.
	Members(ctx context.Context, group acl.Principal) ([]acl.Principal, error)
	// Put stores an entry and returns once it is in force. Error: catalog.ErrVersionStale.
	Put(ctx context.Context, m catalog.PutEntry) error
}

// Config is what a Handler needs. All fields but Limits are required.
type Config struct {
	Catalog   Catalog
	Issuer    string        // whose users and groups these are
	Tokens    []string      // any of which the provider may present; see ParseTokens
	Subject   string        // externalId, userName or id
	GroupName string        // id or externalId
	App       acl.Principal // what the provider is called in the audit log
	Audit     Recorder
	Refusals  Refusals
	Limits    *limits.Limiter // how often it may ask; nil: without end
	Log       *slog.Logger
	Now       func() time.Time
}

// Handler serves /scim/v2.
type Handler struct {
	Config
	tokens [][sha256.Size]byte
	mux    *http.ServeMux
	store
}

// New returns a handler.
func New(c Config) (*Handler, error) {
	switch {
	case acl.Principal("user:"+c.Issuer+"/x").Kind() != acl.User || strings.Contains(c.Issuer, "/"):
		return nil, fmt.Errorf("scim: %q cannot be an issuer's name", c.Issuer)
	case c.Subject != "externalId" && c.Subject != "userName" && c.Subject != "id":
		return nil, fmt.Errorf("scim: the subject of users must be externalId, userName or id, not %q", c.Subject)
	case c.GroupName != "id" && c.GroupName != "externalId":
		return nil, fmt.Errorf("scim: the name of groups must be id or externalId, not %q", c.GroupName)
	}
	tokens, err := ParseTokens(strings.Join(c.Tokens, "\n"))
	if err != nil {
		return nil, err
	}
	h := &Handler{Config: c, mux: http.NewServeMux()}
	for _, t := range tokens {
		h.tokens = append(h.tokens, sha256.Sum256([]byte(t)))
	}
	const at = "/scim/v2"
	for _, k := range []*kind{users, groups} {
		h.handle("GET "+at+k.path, func(r *http.Request) (answer, error) { return h.list(r, k) })
		h.handle("POST "+at+k.path, func(r *http.Request) (answer, error) { return h.create(r, k) })
		h.handle("GET "+at+k.path+"/{id}", func(r *http.Request) (answer, error) { return h.get(r, k) })
		h.handle("PUT "+at+k.path+"/{id}", func(r *http.Request) (answer, error) { return h.replace(r, k) })
		h.handle("PATCH "+at+k.path+"/{id}", func(r *http.Request) (answer, error) { return h.patch(r, k) })
		h.handle("DELETE "+at+k.path+"/{id}", func(r *http.Request) (answer, error) { return h.remove(r, k) })
	}
	h.handle("GET "+at+"/ServiceProviderConfig", func(*http.Request) (answer, error) {
		return answer{body: providerConfig, read: "SCIM configuration"}, nil
	})
	for path, list := range map[string][]object{"/Schemas": schemas, "/ResourceTypes": resourceTypes} {
		h.handle("GET "+at+path, func(*http.Request) (answer, error) {
			return answer{body: page(list, len(list), 1), read: "SCIM schemas"}, nil
		})
		h.handle("GET "+at+path+"/{id}", func(r *http.Request) (answer, error) { return known(list, r.PathValue("id")) })
	}
	h.handle("/", func(r *http.Request) (answer, error) {
		return answer{}, problem{http.StatusNotFound, "", "no such endpoint"}
	})
	return h, nil
}

// token is what may be presented: 32 random bytes or more, in base64 or hexadecimal.
var token = regexp.MustCompile(`^[A-Za-z0-9._~+/-]{43,512}=*$`)

// ParseTokens reads the tokens of a file, one a line. Two let one be replaced by the other.
// A file without one, an empty line among them or a token that could be guessed is an error.
func ParseTokens(file string) ([]string, error) {
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(file, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		if !token.MatchString(line) {
			return nil, fmt.Errorf("scim: line %d is no token: it needs 32 random bytes at least, as from: openssl rand -base64 32", i+1)
		}
	}
	return lines, nil
}

// object is a JSON object.
type object = map[string]any

// answer is what a request leads to.
type answer struct {
	status   int // 0 means 200, or 204 without a body
	body     any
	location string
	etag     string
	changed  bool   // something, which has its record
	read     string // else what was read, in words
}

// handle has requests authenticated and answered. Nothing else writes an answer.
func (h *Handler) handle(pattern string, serve func(*http.Request) (answer, error)) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		a, err := answer{}, h.admit(r)
		admitted := err == nil
		if admitted {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			if a, err = h.calmly(serve, r); err == nil {
				err = h.record(r.Context(), a)
			}
		}
		if err != nil {
			p := asProblem(h.refused(r.Context(), pattern, admitted, err))
			if p.status >= 500 {
				h.Log.Error("provisioning failed", "method", r.Method, "error", err)
			}
			if p.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			if over := limits.As(err); over != nil {
				w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(over.Retry.Seconds()))))
			}
			a = answer{status: p.status, body: p.body()}
		}
		w.Header().Set("Content-Type", "application/scim+json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if a.etag != "" {
			w.Header().Set("ETag", a.etag)
		}
		if a.location != "" {
			w.Header().Set("Location", a.location)
		}
		if a.body == nil {
			w.Header().Del("Content-Type")
			w.WriteHeader(max(a.status, http.StatusNoContent))
			return
		}
		w.WriteHeader(max(a.status, http.StatusOK))
		json.NewEncoder(w).Encode(a.body) // if it fails, nobody listens
	})
}

// authentic compares in a time that does not depend on the tokens.
func (h *Handler) authentic(r *http.Request) bool {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	scheme, got, _ := strings.Cut(values[0], " ")
	sum, found := sha256.Sum256([]byte(got)), 0
	for _, want := range h.tokens {
		found |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	return found == 1 && strings.EqualFold(scheme, "bearer")
}

// calmly serves a request; a panic is a failure like another.
func (h *Handler) calmly(serve func(*http.Request) (answer, error), r *http.Request) (a answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			h.Log.Error("panic", "method", r.Method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			a, err = answer{}, problem{http.StatusInternalServerError, "", "the server failed"}
		}
	}()
	return serve(r)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// problem is an error as SCIM tells it.
type problem struct {
	status   int
	scimType string
	detail   string
}

func (p problem) Error() string { return p.detail }

func (p problem) body() object {
	b := object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": fmt.Sprint(p.status), "detail": p.detail}
	if p.scimType != "" {
		b["scimType"] = p.scimType
	}
	return b
}

func bad(scimType, format string, args ...any) error {
	return problem{http.StatusBadRequest, scimType, fmt.Sprintf(format, args...)}
}

// asProblem is the one place where errors become answers. What is not known is logged, not
// told.
func asProblem(err error) problem {
	var p problem
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLong):
		return problem{http.StatusRequestEntityTooLarge, "tooMany", "the request is longer than 1 MiB; send members in pieces, by PATCH"}
	case limits.As(err) != nil:
		return problem{http.StatusTooManyRequests, "", "too many requests; come again as Retry-After says"}
	case errors.Is(err, errFilter):
		return problem{http.StatusBadRequest, "invalidFilter", errFilter.Error()}
	case errors.Is(err, catalog.ErrVersionStale):
		return problem{http.StatusPreconditionFailed, "", "it was changed meanwhile; try again"}
	case errors.Is(err, catalog.ErrFull):
		return problem{http.StatusInsufficientStorage, "", "the server's disk is full: nothing was changed"}
	}
	return problem{http.StatusServiceUnavailable, "", "the server could not do it now; try again"}
}

// read decodes the body, an object.
func read(r *http.Request) (object, error) {
	var v object
	d := json.NewDecoder(r.Body)
	if err := d.Decode(&v); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, err
		}
		return nil, bad("invalidSyntax", "the body is not a JSON object")
	}
	if v == nil || d.More() {
		return nil, bad("invalidSyntax", "the body is not one JSON object")
	}
	return v, nil
}
