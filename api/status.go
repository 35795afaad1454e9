package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/retriever"
)

// domain is the domain of every ErrorInfo.
const domain = "muniment"

// errorTable is the one place where errors become statuses. What is not in it is Internal
// with a fixed text: causes are logged, never sent.
var errorTable = []struct {
	err    error
	code   codes.Code
	reason string
	text   string
}{
	{catalog.ErrNotFound, codes.NotFound, "NOT_FOUND", "no such document, or it is not visible to you"},
	{catalog.ErrVersionStale, codes.FailedPrecondition, "VERSION_STALE", "older than the stored version"},
	{catalog.ErrVersionReused, codes.FailedPrecondition, "VERSION_REUSED", "this version is stored already with other content; send a higher one"},
	{catalog.ErrVersionFuture, codes.FailedPrecondition, "VERSION_IN_FUTURE", "the version is a time in the future; mend the source's clock, or declare how it counts versions"},
	{catalog.ErrNotStored, codes.FailedPrecondition, "NOT_STORED", "that version of the document is not stored; send the document"},
	{catalog.ErrRequestReused, codes.InvalidArgument, "REQUEST_ID_REUSED", "this request_id was used for another item; take a new one"},
	{catalog.ErrSyncOpen, codes.FailedPrecondition, "SYNC_IN_PROGRESS", "another sync session of the source is open; wait for it, or abort it"},
	{catalog.ErrSyncUnknown, codes.FailedPrecondition, "SYNC_NOT_OPEN", "the session is not open: it was ended, has expired, or is of another source; start a new one"},
	{catalog.ErrSyncIncomplete, codes.FailedPrecondition, "SYNC_INCOMPLETE", "not all documents were seen; send the rest, then commit again"},
	{catalog.ErrSyncRemoves, codes.FailedPrecondition, "SYNC_REMOVES_TOO_MANY", "too many documents would be removed; confirm with allow_removals"},
	{catalog.ErrContentChanged, codes.FailedPrecondition, "CONTENT_CHANGED", "the document has another text by now; read it, then vouch for its new content_hash"},
	{catalog.ErrSettlements, codes.ResourceExhausted, "TOO_MANY_VERDICTS", "at most 1000 conflicts of one document with later ones can be settled; take verdicts back that no longer matter"},
	{catalog.ErrProvisioned, codes.FailedPrecondition, "GROUP_PROVISIONED", "the identity provider keeps this group's members; change them there"},
	{catalog.ErrPruned, codes.Unavailable, "UNAVAILABLE", "the state asked for is no longer kept; try again"},
	{catalog.ErrFuture, codes.Unavailable, "UNAVAILABLE", "the state asked for has not been reached; try again"},
	{catalog.ErrDamaged, codes.DataLoss, "DATA_DAMAGED", "stored data failed its checksum; the operator must restore it"},
	{catalog.ErrFull, codes.ResourceExhausted, "DISK_FULL", "the server's disk is full: nothing was changed; send it again once the operator has made room"},
	{catalog.ErrPoisoned, codes.Unavailable, "STORAGE_FAILED", "the server's disk failed, and no more changes are taken; send it again once the server is back"},
	{acl.ErrTooManyGroups, codes.FailedPrecondition, "TOO_MANY_GROUPS", "you are in more than 10,000 groups; nothing can be decided for you"},
	{acl.ErrTooDeep, codes.FailedPrecondition, "GROUPS_TOO_DEEP", "your groups nest deeper than 64 levels; nothing can be decided for you"},
	{acl.ErrIdentity, codes.Unauthenticated, "TOKEN_INVALID", "the token names no user or service, or groups that are none"},
	{indexer.ErrTooManyTerms, codes.InvalidArgument, "TOO_MANY_TERMS", "more than 64 distinct words"},
	{indexer.ErrClosed, codes.Unavailable, "SHUTTING_DOWN", "the server is shutting down; try again"},
	{indexer.ErrRebuilding, codes.FailedPrecondition, "REBUILDING", "an index is being rebuilt; wait until that is done"},
	{indexer.ErrBehind, codes.Unavailable, "NOT_FRESH_ENOUGH", "the state that at_least_as_fresh stands for was not reached in time; try again"},
	{retriever.ErrUnavailable, codes.Unavailable, "REBUILDING", "the index that could answer this is being rebuilt; try again later"},
	{audit.ErrNotFound, codes.NotFound, "NOT_FOUND", "no such record"},
	{audit.ErrErased, codes.NotFound, "ERASED", "the record's body was erased; its proof stands"},
	{audit.ErrSize, codes.InvalidArgument, "NO_SUCH_TREE", "the sizes are not those of two checkpoints of this log, the older one first"},
	{audit.ErrUnwritable, codes.Unavailable, "AUDIT_UNAVAILABLE", "the audit log cannot be written, so nothing may be shown; try again later"},
	{audit.ErrFull, codes.Unavailable, "AUDIT_UNAVAILABLE", "the audit log has no room on the server's disk, so nothing may be shown; try again later"},
	{audit.ErrClosed, codes.Unavailable, "SHUTTING_DOWN", "the server is shutting down; try again"},
	{retriever.ErrNotRecorded, codes.Unavailable, "AUDIT_UNAVAILABLE", "the audit log cannot be written, so nothing may be shown; try again later"},
	{identity.ErrUserRequired, codes.PermissionDenied, "USER_REQUIRED", "the app's token alone names no person; send the person's too, in x-muniment-user-token"},
	{identity.ErrGroupsIncomplete, codes.FailedPrecondition, "GROUPS_INCOMPLETE", "the token does not hold all of the person's groups, so nothing can be decided; the issuer or the configuration must be mended"},
	{identity.ErrUnavailable, codes.Unavailable, "ISSUER_UNAVAILABLE", "the keys of the token's issuer cannot be fetched; try again later"},
	{identity.ErrSeal, codes.InvalidArgument, "INVALID_TOKEN", "the opaque token is not one of this server's, or has expired"},
	{context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE_EXCEEDED", "the deadline passed first"},
	{context.Canceled, codes.Canceled, "CANCELLED", "the call was cancelled"},
}

// fieldError says which field of the request an error of the table is about.
type fieldError struct {
	field string
	error
}

func (e fieldError) Unwrap() error { return e.error }

// toStatus turns any error into one with a status, an ErrorInfo and, if it is about a
// field, a BadRequest.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	field := ""
	if f, ok := errors.AsType[fieldError](err); ok {
		field = f.field
	}
	if errors.Is(err, identity.ErrUnauthenticated) {
		return fail(codes.Unauthenticated, identity.Reason(err), "the token was not accepted: %s", identity.Reason(err))
	}
	if e := limits.As(err); e != nil {
		return detailed(codes.ResourceExhausted, "too many calls; try again after the time in RetryInfo",
			&errdetails.ErrorInfo{Reason: "RATE_LIMITED", Domain: domain, Metadata: map[string]string{"limit": e.Limit}},
			&errdetails.RetryInfo{RetryDelay: durationpb.New(e.Retry)})
	}
	if r, ok := errors.AsType[*indexer.Refusal](err); ok {
		return invalid(r.Reason, violation{r.Field, r.Message})
	}
	for _, e := range errorTable {
		if errors.Is(err, e.err) {
			if field == "" {
				return fail(e.code, e.reason, "%s", e.text)
			}
			return aboutFields(e.code, e.reason, violation{field, e.text})
		}
	}
	var made interface{ GRPCStatus() *status.Status }
	if errors.As(err, &made) { // without what it is wrapped in
		s := made.GRPCStatus()
		switch {
		case len(s.Details()) > 0:
			return s.Err() // made here
		case s.Code() != codes.Unknown:
			return fail(s.Code(), "TRANSPORT", "%s", s.Message()) // from gRPC itself
		}
	}
	return fail(codes.Internal, "INTERNAL", "internal error; the server's log has it under this call's request_id")
}

// fail makes a status with a reason for machines and a text for people.
func fail(code codes.Code, reason, format string, args ...any) error {
	return detailed(code, fmt.Sprintf(format, args...), &errdetails.ErrorInfo{Reason: reason, Domain: domain})
}

// violation is one field and what is wrong with it.
type violation struct{ field, text string }

// invalid makes an InvalidArgument that names fields.
func invalid(reason string, violations ...violation) error {
	return aboutFields(codes.InvalidArgument, reason, violations...)
}

// aboutFields makes a status that names fields, the first in its text.
func aboutFields(code codes.Code, reason string, violations ...violation) error {
	bad := &errdetails.BadRequest{}
	text := "invalid request"
	for i, v := range violations {
		if i == 0 {
			text = v.field + ": " + v.text
		}
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: v.field, Description: v.text, Reason: reason,
		})
	}
	return detailed(code, text, &errdetails.ErrorInfo{Reason: reason, Domain: domain}, bad)
}

func detailed(code codes.Code, text string, details ...protoadapt.MessageV1) error {
	s, err := status.New(code, text).WithDetails(details...)
	if err != nil {
		return status.Error(codes.Internal, "internal error")
	}
	return s.Err()
}
