package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/muniment/muniment/api/limits"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// metrics are what a server tells Prometheus of itself. Labels are names out of the program
// and the configuration alone (methods, codes, statuses, indexes, issuers): nothing that a
// caller, a source or a document calls itself, and nothing per caller. docs/operations.md lists them; a test compares.
type metrics struct {
	registry *prometheus.Registry

	retrieve   prometheus.Histogram
	calls      *prometheus.HistogramVec
	answered   *prometheus.CounterVec
	degraded   *prometheus.CounterVec
	refused    *prometheus.CounterVec
	items      *prometheus.CounterVec
	commits    prometheus.Histogram
	appends    prometheus.Histogram
	failures   prometheus.Counter
	operations *prometheus.CounterVec

	tlsFailures  prometheus.Counter
	keepFailures prometheus.Counter

	leases leases
}

// Bounds of histograms, in seconds.
var (
	callBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	diskBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
)

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		m.registry.MustRegister(h)
		return h
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	m.retrieve = histogram("muniment_retrieve_seconds", "How long Retrieve took, failed calls too.", callBuckets)
	m.calls = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "muniment_call_seconds", Help: "How long calls took; streams from their beginning to their end.", Buckets: callBuckets}, []string{"method"})
	m.registry.MustRegister(m.calls)
	m.answered = counter("muniment_calls_total", "Calls that ended, by method and status code.", "method", "code")
	m.degraded = counter("muniment_retrieve_degraded_total", "Answers that named a degradation.", "degradation")
	m.refused = counter("muniment_calls_refused_total", "Calls refused by a limit at the door, by limit.", "limit")
	m.items = counter("muniment_ingest_items_total", "Items acknowledged on Ingest streams.", "status")
	m.operations = counter("muniment_operations_total", "Checks, rebuilds and backups that ended, by outcome.", "operation", "outcome")
	m.commits = histogram("muniment_commit_seconds", "How long commits to the catalog took, synced to disk.", diskBuckets)
	m.appends = histogram("muniment_audit_append_seconds", "How long appends to the audit log took, synced to disk; calls share them.", diskBuckets)
	failures := counter("muniment_audit_failures_total", "Writes to the audit log that failed. After one, nothing is answered until a restart.")
	m.failures = failures.WithLabelValues()
	for _, limit := range []string{limits.ByUser, limits.ByApp, "message", "patience"} {
		m.refused.WithLabelValues(limit)
	}
	m.keepFailures = counter("muniment_audit_keep_failures_total", "Checkpoints that could not be written to audit.checkpoint; the next one is tried.").WithLabelValues()
	m.tlsFailures = counter("muniment_tls_reload_failures_total", "Looks at the certificate's files that found something which cannot be used; the certificate before is still served.").WithLabelValues()
	for value, name := range pb.Degradation_name {
		if value != 0 {
			m.degraded.WithLabelValues(name)
		}
	}
	for value, name := range pb.IngestResponse_Status_name {
		if value != 0 {
			m.items.WithLabelValues(name)
		}
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}
