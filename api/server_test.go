package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/audit/audittest"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/catalog/catalogtest"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/embed"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
	"github.com/muniment/muniment/retriever/replay"
)

// server is a whole server on a connection in memory, real but for the catalog and the
// audit log's disk.
type server struct {
	testing.TB
	api.Server
	store    catalog.Store
	records  *audittest.Memory
	operator obedient
	grpc     *grpc.Server
	conn     *grpc.ClientConn
}

// start starts one that the test's end stops; embedder is the embedded default if nil.
func start(t testing.TB, embedder indexer.Embedder) *server {
	t.Helper()
	s := &server{TB: t, store: catalogtest.NewMemory(), records: &audittest.Memory{}}
	quiet := slog.New(slog.DiscardHandler)
	keys, err := identity.OpenKeyRing(t.TempDir() + "/keys")
	s.must(err)
	authority, err := identity.NewAuthority(keys, identity.Config{Audience: "muniment", Scale: acl.DefaultScale})
	s.must(err)
	words, err := keyword.Open(t.TempDir(), catalog.ID{}, quiet)
	s.must(err)
	t.Cleanup(func() { words.Close() })
	vectors, err := vector.Open(t.TempDir(), catalog.ID{}, quiet)
	s.must(err)
	t.Cleanup(func() { vectors.Close() })
	standard, err := embed.Default()
	s.must(err)
	if embedder == nil {
		embedder = standard
	}
	space := indexer.Space{ID: standard.Space().ID, Dimensions: standard.Space().Dimensions}
	x, err := indexer.Open(context.Background(), indexer.Config{
		Store: s.store, Keyword: words, Vector: vectors, Embedder: embedder, Space: space,
		Spaces: []indexer.Space{space, {ID: "unit/2", Dimensions: 2}}, Scale: acl.DefaultScale, Log: quiet,
	})
	s.must(err)
	t.Cleanup(func() { s.must(x.Close()) })
	log := audittest.Open(t, s.records, audit.Config{Origin: keys.LogName(), Signer: keys.LogSigner(), Verifier: keys.LogVerifier()})
	s.Server = api.Server{
		Authority: authority, Keys: keys, Indexer: x, Audit: log, Operator: &s.operator, Scale: acl.DefaultScale, Log: quiet, Now: time.Now,
		Refusals: api.NewRefusals(log, time.Now, quiet),
		Retriever: &retriever.Retriever{
			States: x, Embedder: embedder, Space: space, Weight: standard.Space().Weight, Log: log, Now: time.Now,
			Hash: func(query string) string { return keys.Hash("query", []byte(query)) },
		},
	}
	s.Replayer = &replay.Replayer{Indexer: x, Retriever: s.Retriever, Indexes: func() (indexer.Index, indexer.Index, func() error, error) {
		words, err := keyword.Open(t.TempDir(), catalog.ID{}, quiet)
		s.must(err)
		vectors, err := vector.Open(t.TempDir(), catalog.ID{}, quiet)
		s.must(err)
		return words, vectors, func() error { return errors.Join(words.Close(), vectors.Close()) }, nil
	}}
	s.listen()
	return s
}

// listen serves on a connection in memory until the test ends.
func (s *server) listen(more ...grpc.ServerOption) {
	s.Helper()
	var err error
	s.grpc, _, err = api.New(s.Server, more...)
	s.must(err)
	pipe := bufconn.Listen(1 << 20)
	go s.grpc.Serve(pipe)
	s.Cleanup(s.grpc.Stop)
	s.conn, err = grpc.NewClient("passthrough:///memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	s.must(err)
	s.Cleanup(func() { s.conn.Close() })
}

func (s *server) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// as is a context for calls by the subject with the roles.
func (s *server) as(subject string, roles ...string) context.Context {
	s.Helper()
	return s.bearer(s.token(identity.Request{Subject: acl.Principal(subject)}, roles...))
}

func (s *server) token(r identity.Request, roles ...string) string {
	s.Helper()
	for _, role := range roles {
		g, err := identity.ParseRole(role)
		s.must(err)
		r.Roles = append(r.Roles, g)
	}
	token, err := s.Authority.Issue(r)
	s.must(err)
	return token
}

func (s *server) bearer(token string) context.Context {
	return metadata.AppendToOutgoingContext(s.Context(), "authorization", "Bearer "+token)
}

const ada = "user:local/ada"

// ingest opens a stream.
func (s *server) ingest(ctx context.Context) pb.IngestionService_IngestClient {
	s.Helper()
	stream, err := pb.NewIngestionServiceClient(s.conn).Ingest(ctx)
	s.must(err)
	return stream
}

// send sends items on a stream of its own and returns the acknowledgements.
func (s *server) send(ctx context.Context, items ...*pb.IngestRequest) (acks []*pb.IngestResponse) {
	s.Helper()
	stream := s.ingest(ctx)
	go func() {
		for _, item := range items {
			if stream.Send(item) != nil {
				return // Recv has the reason
			}
		}
		stream.CloseSend()
	}()
	for range items {
		ack, err := stream.Recv()
		s.must(err)
		acks = append(acks, ack)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		s.Fatalf("after the last acknowledgement: %v", err)
	}
	return acks
}

// everyone is a policy that admits everyone.
var everyone = &pb.Policy{Layers: []*pb.Layer{{Allow: []*pb.Grant{{Principal: "everyone"}}}}}

// page is a document of the source that everyone may read.
func page(source, id, text string) *pb.IngestRequest {
	return &pb.IngestRequest{Item: &pb.IngestRequest_Document{Document: &pb.Document{
		Source: source, Id: id, Version: 1, Title: id, Text: text, Policy: everyone,
	}}}
}

// reason is the code and the ErrorInfo's reason of an error.
func reason(err error) (codes.Code, string) {
	s := status.Convert(err)
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return s.Code(), info.GetReason()
		}
	}
	return s.Code(), ""
}

// refusal is the code and reason of a refused item, the zero code for an accepted one.
func refusal(ack *pb.IngestResponse) (codes.Code, string) {
	if ack.GetError() == nil {
		return codes.OK, ""
	}
	return reason(status.FromProto(ack.GetError()).Err())
}
