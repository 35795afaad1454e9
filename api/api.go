// Package api speaks gRPC: identity in, status out. It decides nothing: it turns messages
// into calls and their results into messages.
package api

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/freshness/desk"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
	"github.com/muniment/muniment/retriever/replay"
)

// Limits of messages and connections. See docs/limits.md.
const (
	maxIngestBytes  = 20 << 20 // one item on an Ingest stream
	maxRequestBytes = 4 << 20  // any other request
	maxHeaderBytes  = 16 << 10
	maxStreams      = 100 // concurrent calls on one connection

	handshakeTime = 10 * time.Second // from connecting to the end of the handshake
	minPing       = 30 * time.Second // a client that pings more often is disconnected
	deadAfter     = 2 * time.Minute  // a connection on which nothing comes for so long is pinged,
	pingTimeout   = 20 * time.Second // and closed if that is not answered
	maxIdle       = 30 * time.Minute // a connection without calls is closed
	maxAge        = 4 * time.Hour    // a connection takes no new calls; clients make another
	maxGrace      = time.Hour        // the calls that are left on it end
)

// Server serves the whole API. All fields but SyncGuard, Limits and Patience are required.
type Server struct {
	Authority *identity.Authority
	Keys      *identity.KeyRing
	Indexer   *indexer.Indexer
	Retriever *retriever.Retriever
	Replayer  *replay.Replayer
	Audit     *audit.Log
	Operator  Operator
	Scale     acl.Scale
	Log       *slog.Logger
	Now       func() time.Time
	// SyncGuard is the share of a source's documents that a sync session may remove without
	// confirmation, 0 to 1; at 0 every removal must be confirmed.
	SyncGuard float64
	// Refusals counts refusals that have no record each. Optional: without one the server has
	// its own, whose last second nobody closes.
	Refusals *Refusals
	// Limits bounds how often callers call. Optional: without one, nothing does.
	Limits *limits.Limiter
	// Patience is how long callers may take. Optional: 0 has defaults.
	Patience Patience
}

// New returns a gRPC server with every service registered. Health is the only one that
// answers without a token. Interceptors among the further options are told of every call,
// with the status that its caller gets.
func New(s Server, more ...grpc.ServerOption) (*grpc.Server, *health.Server, error) {
	validator, err := protovalidate.New(protovalidate.WithMessages(
		&pb.IngestRequest{}, &pb.RetrieveRequest{}, &pb.GetDocumentRequest{},
		&pb.GetCallerRequest{}, &pb.GetGroupRequest{}, &pb.GetCheckpointRequest{}, &pb.GetRecordRequest{}, &pb.GetConsistencyProofRequest{},
		&pb.ExplainAccessRequest{}, &pb.PreviewAccessChangeRequest{},
		&pb.SetSourceRequest{}, &pb.ListSourcesRequest{}, &pb.StartSyncRequest{}, &pb.CommitSyncRequest{}, &pb.AbortSyncRequest{},
		&pb.RecordAnswerRequest{}, &pb.ListRetrievalsRequest{}, &pb.ListRecordsRequest{}, &pb.TraceAnswerRequest{}, &pb.TraceDocumentRequest{}, &pb.ReplayRetrievalRequest{},
		&pb.VerifyDocumentRequest{}, &pb.ReportFreshnessRequest{}, &pb.ListWorkRequest{}, &pb.ListConflictsRequest{}, &pb.ResolveConflictRequest{},
		&pb.GetStatusRequest{}, &pb.CheckRequest{}, &pb.RebuildRequest{}, &pb.BackupRequest{},
	))
	if err != nil {
		return nil, nil, errors.Join(errors.New("compiling the rules of the contract"), err)
	}
	if s.Refusals == nil {
		s.Refusals = NewRefusals(s.Audit, s.Now, s.Log)
	}
	answers := *s.Retriever
	answers.Log = recorder{answers.Log}
	s.Retriever = &answers
	h := &handler{Server: s, validator: validator, preparing: make(chan struct{}, indexer.Workers())}
	h.desk, h.judging = &desk.Desk{Indexer: s.Indexer, Log: s.Audit, Now: s.Now}, make(chan struct{}, reportsJudged)
	door := &door{Patience: s.Patience.filled()}
	g := grpc.NewServer(append(more,
		grpc.InTapHandle(door.watched),
		grpc.ForceServerCodecV2(strictCodec{}),
		grpc.ChainUnaryInterceptor(door.patientUnary, h.unary),
		grpc.ChainStreamInterceptor(door.patientStreams, h.stream),
		grpc.MaxRecvMsgSize(maxIngestBytes),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: deadAfter, Timeout: pingTimeout,
			MaxConnectionIdle: maxIdle, MaxConnectionAge: maxAge, MaxConnectionAgeGrace: maxGrace,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
	)...)
	pb.RegisterIngestionServiceServer(g, ingestion{handler: h})
	pb.RegisterRetrievalServiceServer(g, retrieval{handler: h})
	pb.RegisterSourceServiceServer(g, sources{handler: h})
	pb.RegisterDocumentServiceServer(g, documents{handler: h})
	pb.RegisterDirectoryServiceServer(g, directory{handler: h})
	pb.RegisterAccessServiceServer(g, access{handler: h})
	pb.RegisterAuditServiceServer(g, auditing{handler: h})
	pb.RegisterOperationsServiceServer(g, operations{handler: h})
	pb.RegisterStewardshipServiceServer(g, stewardship{handler: h})
	healthy := health.NewServer()
	healthpb.RegisterHealthServer(g, healthy)
	if h.declared, err = declared(g); err != nil {
		return nil, nil, err
	}
	return g, healthy, nil
}

// handler is what all services share.
type handler struct {
	Server
	validator protovalidate.Validator
	declared  map[string]*pb.MethodAccess // who may call what
	preparing chan struct{}               // one place for each document being prepared
	reporting locks                       // of answers that are being recorded, by request
	desk      *desk.Desk
	judging   chan struct{} // one place for each report on freshness that is being judged
}

// record makes an audit record of a read durable and returns its sealed receipt.
func (h *handler) record(ctx context.Context, c call, r audit.Record) (receipt string, err error) {
	r.ID, r.Time = c.id, h.Now()
	r.App, r.User, r.Chain, r.Groups = string(c.App), string(c.User), c.Chain, audit.GroupsOf(c.Identity)
	entry, err := recorder{h.Audit}.Append(ctx, r)
	if err != nil {
		return "", errors.Join(retriever.ErrNotRecorded, err)
	}
	return h.receipt(entry)
}
