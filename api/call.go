package api

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// call is what the interceptor found out about one call. It travels in the context from
// there to the handler's first line and no further.
type call struct {
	identity.Caller
	id     string
	access *pb.MethodAccess // what the method asks of its callers, and leaves in the audit log
	still  func() error     // what the caller would be refused for by now; of streams alone

	counted  bool         // against the caller's limits: a good token, and not too often
	recorded *atomic.Bool // whether the call has left its audit record
}

// newCall is a call of which nothing is known yet.
func (h *handler) newCall(method string) call {
	return call{id: audit.NewID(), access: h.declared[method], recorded: &atomic.Bool{}}
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

// unary is the interceptor of all calls but streams: recover, log, authenticate, admit, bound.
func (h *handler) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	if public(info.FullMethod) {
		return next(ctx, req)
	}
	c, start := h.newCall(info.FullMethod), time.Now()
	defer func() {
		if err = h.end(ctx, c, info.FullMethod, start, recover(), err); err != nil {
			resp = nil
		}
	}()
	if err = h.admit(ctx, &c); err != nil {
		return nil, err
	}
	if m, ok := req.(proto.Message); ok && proto.Size(m) > maxRequestBytes {
		return nil, fail(codes.ResourceExhausted, "MESSAGE_TOO_LONG", "the request is longer than %d bytes", maxRequestBytes)
	}
	resp, err = next(context.WithValue(ctx, callKey{}, c), req)
	return resp, c.leaves(err)
}

// stream is the interceptor of streams.
func (h *handler) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	if public(info.FullMethod) {
		return next(srv, ss)
	}
	c, start := h.newCall(info.FullMethod), time.Now()
	defer func() { err = h.end(ss.Context(), c, info.FullMethod, start, recover(), err) }()
	if err = h.admit(ss.Context(), &c); err != nil {
		return err
	}
	c.still = func() error { return h.still(ss.Context(), c) }
	ctx, cancel := context.WithTimeoutCause(context.WithValue(ss.Context(), callKey{}, c), c.Expires.Sub(h.Now()), errTokenExpired)
	defer cancel()
	if err = next(srv, verifiedStream{ss, ctx, c}); err != nil && context.Cause(ctx) == errTokenExpired {
		return errTokenExpired
	}
	return c.leaves(err)
}

// verifiedStream is a stream on which each message, of either side, is let through as a new
// call would be: a stream may go on for hours after its user has been deactivated, or the key
// of its token removed. What was under way then is not acknowledged.
type verifiedStream struct {
	grpc.ServerStream
	ctx  context.Context
	call call
}

// Context implements grpc.ServerStream.
func (s verifiedStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s verifiedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.call.still()
}

// SendMsg implements grpc.ServerStream.
func (s verifiedStream) SendMsg(m any) error {
	if err := s.call.leaves(s.call.still()); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// still is what a new call of the caller would be refused for; limits do not count here.
func (h *handler) still(ctx context.Context, c call) error {
	if !h.Now().Before(c.Expires) {
		return errTokenExpired
	}
	_, err := h.active(ctx)
	return err
}

func public(method string) bool { return strings.HasPrefix(method, "/grpc.health.v1.Health/") }

// userToken is the metadata in which an app that presents its own token sends that of the
// person it acts for. Nothing else of the metadata says who calls.
const userToken = "x-muniment-user-token"

// errTokenExpired ends a stream, however it is under way.
var errTokenExpired = fail(codes.Unauthenticated, identity.ReasonExpired, "the token has expired, and the stream with it")

// admit verifies the tokens, refuses a user who has been deactivated, counts the call against
// its caller's rates, refuses a caller without the role that the method needs, and says in the
// call who calls, as far as it got. Who has no good token is turned away before anything is
// counted.
func (h *handler) admit(ctx context.Context, c *call) (err error) {
	if c.Caller, err = h.active(ctx); err != nil {
		return err
	}
	if err := h.Limits.Allow(string(c.User), string(c.App), h.Now()); err != nil {
		return err
	}
	c.counted = true
	return c.admit()
}

// active returns whom the tokens say the caller is, with an error if the newest published
// state says that they have been deactivated.
func (h *handler) active(ctx context.Context) (identity.Caller, error) {
	caller, err := h.authenticate(ctx)
	if err != nil {
		return identity.Caller{}, err
	}
	switch deactivated, err := h.Indexer.Deactivated(caller.User); {
	case err != nil:
		return caller, err
	case deactivated: // whose views admit nothing anyway, but whose token may give roles
		return caller, errDeactivated
	}
	return caller, nil
}

// authenticate returns whom the tokens say the caller is.
func (h *handler) authenticate(ctx context.Context) (identity.Caller, error) {
	brought := identity.Credentials{Certificate: certificate(ctx)}
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) > 0 || brought.Certificate == nil {
		if len(values) != 1 {
			return identity.Caller{}, errMissingToken
		}
		scheme, token, ok := strings.Cut(values[0], " ")
		if !ok || !strings.EqualFold(scheme, "bearer") || token == "" {
			return identity.Caller{}, errMissingToken
		}
		brought.Token = token
	}
	switch users := metadata.ValueFromIncomingContext(ctx, userToken); {
	case len(users) > 1 || len(users) == 1 && users[0] == "":
		// An app that forgot the person's token must not be answered as if it had meant to.
		return identity.Caller{}, fail(codes.Unauthenticated, identity.ReasonMissing, "%s: send one person's token, or leave it out", userToken)
	case len(users) == 1:
		brought.UserToken = users[0]
	}
	return h.Authority.Authenticate(ctx, brought)
}

// certificate returns the client certificate that the connection was verified with, nil for
// none.
func certificate(ctx context.Context) *x509.Certificate {
	p, _ := peer.FromContext(ctx)
	if p == nil {
		return nil
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
		return info.State.VerifiedChains[0][0]
	}
	return nil
}

// end logs the call, turns whatever went wrong into a status and records that. A panic is an
// internal error to the caller, with its stack in the log alone.
func (h *handler) end(ctx context.Context, c call, method string, start time.Time, panicked any, err error) error {
	if panicked != nil {
		h.Log.Error("panic", "method", method, "request_id", c.id, "panic", fmt.Sprint(panicked), "stack", string(debug.Stack()))
		err = errors.New("panic")
	}
	answer := toStatus(err)
	code := status.Code(answer)
	took := time.Since(start).Round(10 * time.Microsecond)
	switch {
	case code == codes.Internal || code == codes.Unavailable:
		h.Log.Error("call failed", "method", method, "request_id", c.id, "code", code.String(), "took", took, "error", err)
	default:
		h.Log.Debug("call", "method", method, "request_id", c.id, "code", code.String(), "took", took)
	}
	if answer == nil {
		return nil
	}
	return h.refused(ctx, c, method, answer)
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
