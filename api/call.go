package api

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
)

// call is what the interceptor found out about one call. It travels in the context from
// there to the handler's first line and no further.
type call struct {
	identity.Caller
	id string
}

type callKey struct{}

// callOf returns the call the interceptor verified. A context without one belongs to no
// verified caller.
func callOf(ctx context.Context) (call, error) {
	c, ok := ctx.Value(callKey{}).(call)
	if !ok {
		return call{}, errMissingToken
	}
	return c, nil
}

var errMissingToken = fail(codes.Unauthenticated, "TOKEN_MISSING", "send a token in the metadata: authorization: Bearer TOKEN")

var errDeactivated = fail(codes.PermissionDenied, "USER_DEACTIVATED", "the user has been deactivated by the identity provider")

// unary is the interceptor of all calls but streams: recover, log, authenticate, bound.
func (h *handler) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	if public(info.FullMethod) {
		return next(ctx, req)
	}
	id, start := audit.NewID(), time.Now()
	defer func() { err = h.end(ctx, info.FullMethod, id, start, recover(), err) }()
	ctx, err = h.authenticate(ctx, id)
	if err != nil {
		return nil, err
	}
	if m, ok := req.(proto.Message); ok && proto.Size(m) > maxRequestBytes {
		return nil, fail(codes.ResourceExhausted, "MESSAGE_TOO_LONG", "the request is longer than %d bytes", maxRequestBytes)
	}
	return next(ctx, req)
}

// stream is the interceptor of streams.
func (h *handler) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	if public(info.FullMethod) {
		return next(srv, ss)
	}
	id, start := audit.NewID(), time.Now()
	defer func() { err = h.end(ss.Context(), info.FullMethod, id, start, recover(), err) }()
	ctx, err := h.authenticate(ss.Context(), id)
	if err != nil {
		return err
	}
	return next(srv, verifiedStream{ss, ctx})
}

type verifiedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s verifiedStream) Context() context.Context { return s.ctx }

func public(method string) bool { return strings.HasPrefix(method, "/grpc.health.v1.Health/") }

// authenticate verifies the token and that its user has not been deactivated, and returns a
// context that carries the call.
func (h *handler) authenticate(ctx context.Context, id string) (context.Context, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) != 1 {
		return nil, errMissingToken
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return nil, errMissingToken
	}
	caller, err := h.Authority.Verify(token)
	if err != nil {
		return nil, err
	}
	switch deactivated, err := h.Indexer.Deactivated(caller.User); {
	case err != nil:
		return nil, err
	case deactivated: // whose views admit nothing anyway, but whose token may give roles
		return nil, errDeactivated
	}
	return context.WithValue(ctx, callKey{}, call{caller, id}), nil
}

// end logs the call and turns whatever went wrong into a status. A panic is an internal
// error to the caller, with its stack in the log alone.
func (h *handler) end(ctx context.Context, method, id string, start time.Time, panicked any, err error) error {
	if panicked != nil {
		h.Log.Error("panic", "method", method, "request_id", id, "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
		err = errors.New("panic")
	}
	answer := toStatus(err)
	code := status.Code(answer)
	took := time.Since(start).Round(10 * time.Microsecond)
	switch {
	case code == codes.Internal || code == codes.Unavailable:
		h.Log.Error("call failed", "method", method, "request_id", id, "code", code.String(), "took", took, "error", err)
	default:
		h.Log.Debug("call", "method", method, "request_id", id, "code", code.String(), "took", took)
	}
	return answer
}

// reading is a request for something of a document.
type reading interface {
	proto.Message
	GetAtLeastAsFresh() string
}

// begin returns the call, and the revision its answer must include at least.
func (h *handler) begin(ctx context.Context, req reading) (call, catalog.Revision, error) {
	c, err := callOf(ctx)
	if err != nil {
		return call{}, 0, err
	}
	if err := h.validate(req); err != nil {
		return call{}, 0, err
	}
	atLeast, err := h.revision(req.GetAtLeastAsFresh())
	return c, atLeast, err
}
