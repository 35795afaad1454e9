package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	auditfile "github.com/muniment/muniment/audit/file"
	"github.com/muniment/muniment/catalog/bolt"
	"github.com/muniment/muniment/indexer"
	"github.com/muniment/muniment/indexer/keyword"
	"github.com/muniment/muniment/indexer/vector"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

var (
	startDocuments = flag.Int("start.documents", 0, "how many documents of five passages BenchmarkStart starts with; 0 skips it")
	startData      = flag.String("start.data", "", "where BenchmarkStart keeps its directory for the next time")
)

// BenchmarkStart measures how long a server takes from its start to its first answer, on a
// directory whose server was killed with SIGKILL while documents arrived. "ns/op" is the
// whole; the other metrics open one part after the other, by themselves.
func BenchmarkStart(b *testing.B) {
	cfg := startDirectory(b)
	metrics := map[string]time.Duration{}
	step := func(name string, f func() error) {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		metrics[name] += time.Since(start)
	}
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		killWhileIngesting(b, cfg.Data)
		b.StartTimer()
		ctx, cancel := context.WithCancel(b.Context())
		ready, ended := make(chan string, 1), make(chan error, 1)
		go func() { ended <- serve(ctx, cfg, func(addr string) { ready <- addr }) }()
		select {
		case addr := <-ready:
			b.StopTimer()
			keys, err := identity.OpenKeyRing(cfg.path("keys"))
			if err != nil {
				b.Fatal(err)
			}
			authority, err := cfg.authority(keys)
			if err != nil {
				b.Fatal(err)
			}
			token, err := authority.Issue(identity.Request{Subject: "user:local/ada"})
			if err != nil {
				b.Fatal(err)
			}
			_, conn, err := (&client{addr: addr, token: "none"}).dial(ctx)
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			step("answer", func() error {
				resp, err := pb.NewRetrievalServiceClient(conn).Retrieve(bearer(token), &pb.RetrieveRequest{Query: "w1 w2 w30"})
				if err == nil && (len(resp.GetResults()) == 0 || len(resp.GetDegradations()) > 0) {
					err = fmt.Errorf("it is %v", resp)
				}
				return err
			})
			b.StopTimer()
			conn.Close()
		case err := <-ended:
			b.Fatal(err)
		}
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		openParts(b, cfg, step)
		rounds++
		b.StartTimer()
	}
	for name, took := range metrics {
		b.ReportMetric(took.Seconds()/float64(rounds), name+"-s")
	}
}

// openParts opens what a server opens.
func openParts(b *testing.B, cfg config, step func(string, func() error)) {
	b.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ctx := b.Context()
	var store *bolt.Store
	step("catalog", func() (err error) { store, err = bolt.Open(cfg.path("catalog.bolt"), bolt.Options{}); return err })
	defer store.Close()
	var storage *auditfile.Storage
	var record *audit.Log
	step("audit", func() error {
		keys, err := identity.OpenKeyRing(cfg.path("keys"))
		if err != nil {
			return err
		}
		if storage, err = auditfile.Open(cfg.path("audit")); err != nil {
			return err
		}
		record, err = audit.Open(ctx, storage, audit.Config{Origin: keys.LogName(), Signer: keys.LogSigner(), Verifier: keys.LogVerifier()})
		return err
	})
	defer storage.Close()
	defer record.Close()
	var words *keyword.Index
	step("keyword", func() (err error) {
		words, err = keyword.Open(cfg.path("index", "keyword"), store.ID(), quiet)
		return err
	})
	defer words.Close()
	var vectors *vector.Index
	step("vector", func() (err error) {
		vectors, err = vector.Open(cfg.path("index", "vector"), store.ID(), quiet)
		return err
	})
	defer vectors.Close()
	e := &engine{metrics: newMetrics()}
	model, err := e.openEmbedding(cfg, quiet) // reads nothing yet
	if err != nil {
		b.Fatal(err)
	}
	space := indexer.Space{ID: model.space.ID, Dimensions: model.space.Dimensions}
	var x *indexer.Indexer
	step("table", func() (err error) {
		x, err = indexer.Open(ctx, indexer.Config{
			Store: store, Keyword: words, Vector: vectors, Embedder: model.documents, Space: space, Spaces: append(cfg.spaces(), space), Scale: cfg.scale(), Log: quiet,
		})
		return err
	})
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	if err := e.close(); err != nil {
		b.Fatal(err)
	}
}

// startDirectory makes a directory with documents in it, or takes the one that is kept.
func startDirectory(b *testing.B) config {
	b.Helper()
	if *startDocuments == 0 {
		b.Skip("takes minutes to prepare: run it with -start.documents 40000")
	}
	dir := *startData
	if dir == "" {
		dir = b.TempDir()
	}
	cfg := testConfig(dir)
	cfg.VectorSpaces = []spaceConfig{{ID: "figures/384", Dimensions: 384}}
	if exists(filepath.Join(dir, "catalog.bolt")) {
		return cfg
	}
	yaml := "vector_spaces:\n- id: figures/384\n  dimensions: 384\n"
	if err := os.WriteFile(filepath.Join(dir, "muniment.yaml"), []byte(yaml), 0o600); err != nil {
		b.Fatal(err)
	}
	s := startChildWith(b, dir, func(*exec.Cmd) {})
	defer s.stop()
	s.mustSend(container("everyone"))
	m := newMeasured(3)
	const lot = 2000
	for base := 0; base < *startDocuments; base += lot {
		var items []*pb.IngestRequest
		for i := range min(lot, *startDocuments-base) {
			items = append(items, m.document("figures", base+i, true))
		}
		s.mustSend(items...)
	}
	return cfg
}

// killWhileIngesting sends some documents to a server and kills it when it has acknowledged
// a part of them.
func killWhileIngesting(b *testing.B, dir string) {
	b.Helper()
	s := startChildWith(b, dir, func(*exec.Cmd) {})
	stream, m := s.stream(), newMeasured(uint64(time.Now().UnixNano()))
	for range 500 {
		if err := stream.Send(m.document("figures", m.IntN(1<<40), true)); err != nil {
			b.Fatal(err)
		}
	}
	for range 250 {
		if _, err := stream.Recv(); err != nil {
			b.Fatal(err)
		}
	}
	s.kill()
	<-s.ended
	s.ended = nil
	s.conn.Close()
}
