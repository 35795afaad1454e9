package api

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// mapped lists the sentinel errors that callers can meet, with the code they meet.
var mapped = map[string]struct {
	err  error
	code codes.Code
}{
	"catalog.ErrNotFound":          {catalog.ErrNotFound, codes.NotFound},
	"catalog.ErrVersionStale":      {catalog.ErrVersionStale, codes.FailedPrecondition},
	"catalog.ErrVersionReused":     {catalog.ErrVersionReused, codes.FailedPrecondition},
	"catalog.ErrVersionFuture":     {catalog.ErrVersionFuture, codes.FailedPrecondition},
	"catalog.ErrNotStored":         {catalog.ErrNotStored, codes.FailedPrecondition},
	"catalog.ErrRequestReused":     {catalog.ErrRequestReused, codes.InvalidArgument},
	"catalog.ErrSyncOpen":          {catalog.ErrSyncOpen, codes.FailedPrecondition},
	"catalog.ErrSyncUnknown":       {catalog.ErrSyncUnknown, codes.FailedPrecondition},
	"catalog.ErrSyncIncomplete":    {catalog.ErrSyncIncomplete, codes.FailedPrecondition},
	"catalog.ErrSyncRemoves":       {catalog.ErrSyncRemoves, codes.FailedPrecondition},
	"catalog.ErrProvisioned":       {catalog.ErrProvisioned, codes.FailedPrecondition},
	"catalog.ErrContentChanged":    {catalog.ErrContentChanged, codes.FailedPrecondition},
	"catalog.ErrSettlements":       {catalog.ErrSettlements, codes.ResourceExhausted},
	"catalog.ErrPruned":            {catalog.ErrPruned, codes.Unavailable},
	"catalog.ErrFuture":            {catalog.ErrFuture, codes.Unavailable},
	"catalog.ErrDamaged":           {catalog.ErrDamaged, codes.DataLoss},
	"catalog.ErrFull":              {catalog.ErrFull, codes.ResourceExhausted},
	"catalog.ErrPoisoned":          {catalog.ErrPoisoned, codes.Unavailable},
	"acl.ErrTooManyGroups":         {acl.ErrTooManyGroups, codes.FailedPrecondition},
	"acl.ErrTooDeep":               {acl.ErrTooDeep, codes.FailedPrecondition},
	"acl.ErrIdentity":              {acl.ErrIdentity, codes.Unauthenticated},
	"indexer.ErrTooManyTerms":      {indexer.ErrTooManyTerms, codes.InvalidArgument},
	"indexer.ErrClosed":            {indexer.ErrClosed, codes.Unavailable},
	"indexer.ErrRebuilding":        {indexer.ErrRebuilding, codes.FailedPrecondition},
	"indexer.ErrBehind":            {indexer.ErrBehind, codes.Unavailable},
	"retriever.ErrUnavailable":     {retriever.ErrUnavailable, codes.Unavailable},
	"retriever.ErrNotRecorded":     {retriever.ErrNotRecorded, codes.Unavailable},
	"identity.ErrUnauthenticated":  {identity.ErrUnauthenticated, codes.Unauthenticated},
	"identity.ErrSeal":             {identity.ErrSeal, codes.InvalidArgument},
	"identity.ErrUserRequired":     {identity.ErrUserRequired, codes.PermissionDenied},
	"identity.ErrGroupsIncomplete": {identity.ErrGroupsIncomplete, codes.FailedPrecondition},
	"identity.ErrUnavailable":      {identity.ErrUnavailable, codes.Unavailable},
	"audit.ErrSize":                {audit.ErrSize, codes.InvalidArgument},
	"audit.ErrUnwritable":          {audit.ErrUnwritable, codes.Unavailable},
	"audit.ErrFull":                {audit.ErrFull, codes.Unavailable},
	"audit.ErrClosed":              {audit.ErrClosed, codes.Unavailable},
	"audit.ErrNotFound":            {audit.ErrNotFound, codes.NotFound},
	"audit.ErrErased":              {audit.ErrErased, codes.NotFound},
}

// unmapped lists the sentinel errors that no caller meets, and why.
var unmapped = map[string]string{
	"catalog.ErrLocked":       "serve ends with it before it listens",
	"indexer.ErrIndexFailed":  "the retriever turns it into a degradation or ErrUnavailable",
	"indexer.ErrTooLarge":     "always beneath replay.ErrTooLarge",
	"replay.ErrTooLarge":      "notReplayed names the limit",
	"replay.ErrTooLong":       "notReplayed names the limit",
	"replay.ErrBusy":          "notReplayed makes its status, for only one method meets it",
	"desk.ErrPlace":           "becomes the one error of page tokens",
	"desk.ErrNoConflict":      "ResolveConflict makes its status, for only one method meets it",
	"replay.ErrEmbedder":      "notReplayed makes its status, for only one method meets it",
	"indexer.ErrUnknownIndex": "the contract's rule lists the indexes",
	"identity.ErrNoKeyRing":   "serve ends with it before it listens",
	"identity.ErrRequest":     "tokens are issued by the command line alone",
	"identity.ErrRole":        "roles are parsed by the command line alone",
	"audit.ErrRolledBack":     "serve ends with it before it listens",
	"audit.ErrForked":         "serve ends with it before it listens",
	"audit.ErrConfig":         "serve ends with it before it listens",
	"audit.ErrCheckpoint":     "only of a checkpoint the server has just signed: internal",
	"audit.ErrRecord":         "always beneath retriever.ErrNotRecorded",
	"audit.ErrOutbox":         "only the drain can repeat a sequence",
	"audit.ErrProof":          "proofs are checked by who gets them",
	"audit.ErrKey":            "serve ends with it before it listens",
	"audit.ErrUncertain":      "always together with the error of the call's context",
}

// TestEverySentinelHasAStatus reads the packages below for their sentinel errors, so that a
// new one cannot be forgotten.
func TestEverySentinelHasAStatus(t *testing.T) {
	found := map[string]bool{}
	for name, dir := range map[string]string{
		"catalog": "../catalog", "acl": "../acl", "indexer": "../indexer", "retriever": "../retriever", "identity": "identity", "audit": "../audit",
		"replay": "../retriever/replay", "desk": "../freshness/desk",
	} {
		for _, sentinel := range sentinels(t, dir) {
			key := name + "." + sentinel
			found[key] = true
			_, isMapped := mapped[key]
			_, isUnmapped := unmapped[key]
			if isMapped == isUnmapped {
				t.Errorf("%s: mapped %t, unmapped %t; a sentinel error is one or the other", key, isMapped, isUnmapped)
			}
		}
	}
	for key, m := range mapped {
		if !found[key] {
			t.Errorf("%s does not exist", key)
		}
		for how, err := range map[string]error{
			"alone": m.err, "wrapped": fmt.Errorf("reading /secret: %w", m.err), "joined": errors.Join(errors.New("in /secret"), m.err),
		} {
			checkStatus(t, key+" "+how, toStatus(err), m.code)
		}
	}
	for key := range unmapped {
		if !found[key] {
			t.Errorf("%s does not exist", key)
		}
	}
	for _, row := range errorTable {
		known := row.err == context.DeadlineExceeded || row.err == context.Canceled
		for _, m := range mapped {
			known = known || m.err == row.err
		}
		if !known {
			t.Errorf("the table maps %v, which is no sentinel of these packages", row.err)
		}
		checkStatus(t, row.err.Error(), toStatus(row.err), row.code)
	}
}

// sentinels lists the exported error variables of the package in a folder.
func sentinels(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if vars, ok := decl.(*ast.GenDecl); ok && vars.Tok == token.VAR {
				for _, spec := range vars.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						if strings.HasPrefix(name.Name, "Err") {
							names = append(names, name.Name)
						}
					}
				}
			}
		}
	}
	if len(names) == 0 {
		t.Errorf("%s has no sentinel errors: this test looks in the wrong place", dir)
	}
	return names
}

// checkStatus demands the code, an ErrorInfo, and not a word of what is inside.
func checkStatus(t *testing.T, what string, err error, code codes.Code) {
	t.Helper()
	s, ok := status.FromError(err)
	if !ok || s.Code() != code {
		t.Errorf("%s: %v, want %v", what, err, code)
		return
	}
	if s.Message() == "" || strings.Contains(s.Message(), "secret") || strings.Contains(fmt.Sprint(s.Details()), "secret") {
		t.Errorf("%s: the message is %q, details %v", what, s.Message(), s.Details())
	}
	infos := slices.DeleteFunc(s.Details(), func(d any) bool { _, is := d.(*errdetails.ErrorInfo); return !is })
	if len(infos) != 1 {
		t.Errorf("%s: %d ErrorInfo, want 1", what, len(infos))
		return
	}
	info := infos[0].(*errdetails.ErrorInfo)
	if info.Domain != "muniment" || what != "identity.ErrUnauthenticated alone" && info.Reason != strings.ToUpper(info.Reason) {
		t.Errorf("%s: reason %q of domain %q", what, info.Reason, info.Domain)
	}
}

// What is not foreseen is internal, with one text for everything, and what was made for the
// caller stays as it is.
func TestInternalTextStaysInside(t *testing.T) {
	var texts []string
	for _, err := range []error{
		errors.New("open /secret/catalog.bolt: permission denied"),
		fmt.Errorf("reading: %w", errors.New("secret")),
		status.Error(codes.Unknown, "secret"),
		&audit.DamageError{Index: 7, Reason: "secret"},
		&acl.LimitError{Field: "secret", Limit: "secret"},
	} {
		answer := toStatus(err)
		checkStatus(t, err.Error(), answer, codes.Internal)
		texts = append(texts, status.Convert(answer).Message())
	}
	if len(slices.Compact(texts)) != 1 {
		t.Errorf("internal errors have the texts %q", texts)
	}
	if toStatus(nil) != nil {
		t.Error("no error has a status")
	}

	made := fail(codes.PermissionDenied, "MISSING_ROLE", "this call needs the role %s", "auditor")
	if got := toStatus(made); got.Error() != made.Error() {
		t.Errorf("%v became %v", made, got)
	}
	checkStatus(t, "a status wrapped with where it happened", toStatus(fmt.Errorf("in /secret: %w", made)), codes.PermissionDenied)

	refusal := toStatus(fmt.Errorf("in /secret: %w", &indexer.Refusal{Reason: "VECTOR_SIZE", Field: "document.passages[0].vector", Message: "2 numbers, not 3"}))
	checkStatus(t, "a refusal", refusal, codes.InvalidArgument)
	for _, d := range status.Convert(refusal).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			if v := bad.GetFieldViolations(); len(v) == 1 && v[0].GetField() == "document.passages[0].vector" && v[0].GetReason() == "VECTOR_SIZE" && v[0].GetDescription() != "" {
				return
			}
		}
	}
	t.Errorf("a refusal names no field: %v", status.Convert(refusal).Details())
}
