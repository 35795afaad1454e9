package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
	"github.com/muniment/muniment/indexer"
)

// gauges are measured when they are asked for.
type gauges struct {
	*engine
	mu      sync.Mutex
	table   *indexer.Table // what was counted last
	counted [3]float64
}

var gaugeHelp = []struct{ name, help, label string }{
	{"muniment_documents", "Documents that are present.", ""},
	{"muniment_passages", "Passages of documents that are present.", ""},
	{"muniment_pending_embeddings", "Documents that wait for their vectors.", ""},
	{"muniment_index_ready", "Whether an index is searched (1) or being rebuilt (0).", "index"},
	{"muniment_index_lag_revisions", "How many revisions an index is behind the catalog.", "index"},
	{"muniment_sync_sessions_open", "Sync sessions that are open.", ""},
	{"muniment_sources_overdue", "Sources that have not been synced as often as they promise.", ""},
	{"muniment_sources_withheld", "Sources withheld from everyone until a sync confirms their permissions.", ""},
	{"muniment_catalog_revision", "The newest revision of the catalog.", ""},
	{"muniment_catalog_bytes", "Size of the catalog's file.", ""},
	{"muniment_catalog_reads_open", "Transactions that read the catalog's file at this moment.", ""},
	{"muniment_catalog_oldest_lease_seconds", "Age of the oldest snapshot in use that is not of the newest revision.", ""},
	{"muniment_catalog_writable", "Whether the catalog takes changes (1) or a write has failed (0).", ""},
	{"muniment_audit_records", "Durable records of the audit log.", ""},
	{"muniment_audit_writable", "Whether the audit log takes records (1) or nothing is answered (0).", ""},
	{"muniment_disk_free_bytes", "Bytes free where the data lies.", ""},
	{"muniment_issuer_keys_age_seconds", "Age of the keys in use of an issuer, if there are any; at 3600 its tokens are refused.", "issuer"},
	{"muniment_tls_certificate_expiry_seconds", "When the certificate that is served ends, in seconds since 1970.", ""},
}

var gaugeDescriptions = func() map[string]*prometheus.Desc {
	all := map[string]*prometheus.Desc{}
	for _, g := range gaugeHelp {
		var labels []string
		if g.label != "" {
			labels = []string{g.label}
		}
		all[g.name] = prometheus.NewDesc(g.name, g.help, labels, nil)
	}
	return all
}()

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range gaugeDescriptions {
		ch <- d
	}
}

// Collect implements prometheus.Collector. What cannot be measured is left out.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	put := func(name string, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(gaugeDescriptions[name], prometheus.GaugeValue, value, labels...)
	}
	if state, err := g.server.Indexer.Pin(ctx, 0); err == nil {
		head := state.Revision()
		counts := g.counts(state.Table)
		for name, ready := range map[string]bool{"keyword": state.Keyword != nil, "vector": state.Vector != nil} {
			lag := catalog.Revision(0)
			if !ready {
				lag = head - min(head, map[string]indexer.Index{"keyword": g.words, "vector": g.vectors}[name].Revision())
			}
			put("muniment_index_ready", truth01(ready), name)
			put("muniment_index_lag_revisions", float64(lag), name)
		}
		state.Release()
		put("muniment_documents", counts[0])
		put("muniment_passages", counts[1])
		put("muniment_pending_embeddings", counts[2])
		put("muniment_catalog_revision", float64(head))
		put("muniment_catalog_oldest_lease_seconds", g.metrics.leases.oldest(head).Seconds())
	}
	if sources, err := g.store.Sources(ctx); err == nil {
		open, late, withheld, now := 0, 0, 0, time.Now()
		for _, s := range sources {
			if s.Session != nil && !s.Session.Expired(now) {
				open++
			}
			if _, overdue := s.Lag(now); overdue {
				late++
			}
			if from := s.WithheldFrom(); !from.IsZero() && !now.Before(from) {
				withheld++
			}
		}
		put("muniment_sync_sessions_open", float64(open))
		put("muniment_sources_overdue", float64(late))
		put("muniment_sources_withheld", float64(withheld))
	}
	if info, err := os.Stat(g.cfg.path("catalog.bolt")); err == nil {
		put("muniment_catalog_bytes", float64(info.Size()))
	}
	if free, err := freeBytes(g.cfg.Data); err == nil {
		put("muniment_disk_free_bytes", float64(free))
	}
	for issuer, from := range g.server.Authority.KeysFrom() {
		if !from.IsZero() {
			put("muniment_issuer_keys_age_seconds", time.Since(from).Seconds(), issuer)
		}
	}
	if g.certificate != nil {
		put("muniment_tls_certificate_expiry_seconds", float64(g.certificate.expiry().Unix()))
	}
	put("muniment_catalog_reads_open", float64(g.store.Reads()))
	put("muniment_catalog_writable", truth01(g.store.Err() == nil))
	put("muniment_audit_records", float64(g.audit.Size()))
	put("muniment_audit_writable", truth01(!errors.Is(g.audit.Err(), audit.ErrUnwritable)))
}

// counts counts a table once: it never changes.
func (g *gauges) counts(t *indexer.Table) [3]float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.table != t {
		g.table, g.counted = t, [3]float64{float64(t.Documents()), float64(t.Passages()), float64(g.server.Indexer.Waiting())}
	}
	return g.counted
}

// truth01 is 1 for true.
func truth01(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
