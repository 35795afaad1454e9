package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/catalog/bolt"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// operator does what whoever runs the server asks for, on its engine. One opened by openTruth
// alone can make backups and nothing else.
type operator struct {
	*engine
	started           time.Time
	checking, copying sync.Mutex // held by the one that runs
}

var _ api.Operator = (*operator)(nil)

// Status implements api.Operator.
func (o *operator) Status(ctx context.Context) (*pb.GetStatusResponse, error) {
	state, err := o.server.Indexer.Pin(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer state.Release()
	resp := &pb.GetStatusResponse{
		Version: version, StartTime: timestamppb.New(o.started), RefusingWrites: o.refusing(),
		Documents: int64(state.Table.Documents()), Passages: int64(state.Table.Passages()), PendingEmbedding: int64(o.server.Indexer.Waiting()),
		Indexes: []*pb.IndexStatus{{Name: "keyword", Ready: state.Keyword != nil}, {Name: "vector", Ready: state.Vector != nil}},
	}
	if resp.Disk, err = diskUsage(o.cfg.Data); err != nil {
		return nil, err
	}
	resp.DiskFreeBytes, err = freeBytes(o.cfg.Data)
	return resp, err
}

// wait returns when nothing runs any more. Whoever asked is gone, so that is soon.
func (o *operator) wait() error {
	o.checking.Lock()
	defer o.checking.Unlock()
	o.copying.Lock()
	defer o.copying.Unlock()
	return nil
}

// refusing is why something cannot be written, "" if all can.
func (o *operator) refusing() string {
	if err := errors.Join(o.store.Err(), o.audit.Err()); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if free, err := freeBytes(o.cfg.Data); err == nil && free < bolt.DefaultReserve {
		return fmt.Sprintf("the disk is nearly full: documents are refused, and the last %d MiB are kept for deletions, access and audit", bolt.DefaultReserve>>20)
	}
	return ""
}

// Rebuild implements api.Operator.
func (o *operator) Rebuild(ctx context.Context, index string) error {
	err := o.server.Indexer.Rebuild(ctx, index)
	o.count("rebuild", err, true)
	return err
}

// count counts an operation that has ended, well or not.
func (o *operator) count(operation string, err error, ok bool) {
	outcome := "done"
	switch {
	case err != nil:
		outcome = "failed"
	case !ok:
		outcome = "problems"
	}
	o.metrics.operations.WithLabelValues(operation, outcome).Inc()
}

// diskParts are the parts of a data directory, each with the path it lies below.
var diskParts = []struct{ name, path string }{
	{"catalog", "catalog.bolt"}, {"audit", "audit"}, {"keyword", "index/keyword"}, {"vector", "index/vector"}, {"keys", "keys"}, {"other", ""},
}

// diskUsage adds up the sizes of a data directory's files by part. A file that goes away
// meanwhile does not count.
func diskUsage(dir string) ([]*pb.DiskUsage, error) {
	var usage []*pb.DiskUsage
	for _, p := range diskParts {
		usage = append(usage, &pb.DiskUsage{Part: p.name})
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		for i, p := range diskParts {
			if below(filepath.ToSlash(rel), p.path) {
				usage[i].Bytes += info.Size()
				break
			}
		}
		return err
	})
	return usage, err
}

// below reports whether a path with slashes is the other or lies below it; "" is above all.
func below(path, dir string) bool {
	return dir == "" || path == dir || len(path) > len(dir) && path[:len(dir)] == dir && path[len(dir)] == '/'
}
