// Package munimentv1 is the wire contract of Muniment, version 1: what applications,
// ingestion jobs and auditors call over gRPC. Everything but this comment is generated
// from the .proto files beside it, which say what each message and method means.
package munimentv1
