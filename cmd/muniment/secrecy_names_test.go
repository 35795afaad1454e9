package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// namesNothing lists the texts of requests that name no document, container, source, session
// or record, each with what they are.
var namesNothing = map[protoreflect.FullName]string{
	"muniment.v1.RetrieveRequest.query":                "words",
	"muniment.v1.RetrieveRequest.at_least_as_fresh":    "a sealed token, of no document",
	"muniment.v1.GetDocumentRequest.at_least_as_fresh": "a sealed token, of no document",
	"muniment.v1.RetrieveRequest.page_token":           "a sealed token, bound to its query; a probe makes one up",
	"muniment.v1.ListSourcesRequest.page_token":        "a sealed token, of no document",
	"muniment.v1.QueryVector.space":                    "of the configuration",
	"muniment.v1.Filter.owners":                        "principals: a filter on what is seen",
	"muniment.v1.Filter.labels":                        "a filter on what is seen",
	"muniment.v1.Subject.principal":                    "a principal",
	"muniment.v1.Subject.app":                          "of the configuration",
	"muniment.v1.Subject.clearance":                    "of the configuration",
	"muniment.v1.ClaimedGroups.groups":                 "principals",
	"muniment.v1.PreviewAccessChangeRequest.clearance": "of the configuration",
	"muniment.v1.Grant.principal":                      "a principal",
	"muniment.v1.Group.name":                           "a principal; the role directory is for all groups",
	"muniment.v1.Group.members":                        "principals",
	"muniment.v1.Verification.by":                      "a principal",
	"muniment.v1.Document.owner":                       "a principal",
	"muniment.v1.Document.title":                       "content",
	"muniment.v1.Document.mime":                        "content",
	"muniment.v1.Document.uri":                         "content; TestIDsBelongToTheirSource sends another's",
	"muniment.v1.Document.text":                        "content; TestIDsBelongToTheirSource sends another's",
	"muniment.v1.Document.labels":                      "content",
	"muniment.v1.Document.retention_class":             "content",
	"muniment.v1.Document.sensitivity":                 "of the configuration",
	"muniment.v1.DocumentAccess.sensitivity":           "of the configuration",
	"muniment.v1.Document.vector_space":                "of the configuration",
	"muniment.v1.SuppliedPassage.text":                 "content",
	"muniment.v1.SuppliedPassage.headings":             "content",
	"muniment.v1.Source.contact":                       "a note",
	"muniment.v1.Source.error":                         "set by the server, ignored in requests",
	"muniment.v1.SyncSession.id":                       "set by the server, ignored in requests",
	"muniment.v1.SyncSession.started_by":               "set by the server, ignored in requests",
	"muniment.v1.AbortSyncRequest.error":               "a note",
	"muniment.v1.RebuildRequest.index":                 "one of two indexes",
	"muniment.v1.BackupRequest.have":                   "hashes of chunks, for the role admin",
	"muniment.v1.RecordAnswerRequest.model":            "the app's words",
	"muniment.v1.RecordAnswerRequest.prompt_id":        "the app's words",
	"muniment.v1.RecordAnswerRequest.prompt_version":   "the app's words",
	"muniment.v1.RecordAnswerRequest.answer_hash":      "of the app's own text",
	"muniment.v1.RecordAnswerRequest.answer_text":      "the app's own text",
	"muniment.v1.RecordAnswerRequest.request_id":       "the caller's own; TestRecordAnswerOnce sends another's",
	"muniment.v1.UrlCitation.title":                    "ignored",
	"muniment.v1.FileCitation.filename":                "ignored",
	"muniment.v1.SearchResultLocation.title":           "ignored",
	"muniment.v1.SearchResultLocation.cited_text":      "hashed",
	"muniment.v1.ListRetrievalsRequest.page_token":     "a sealed token, bound to its caller",
	"muniment.v1.ListRecordsRequest.page_token":        "a sealed token, bound to its caller",
	"muniment.v1.TraceDocumentRequest.page_token":      "a sealed token, bound to its caller",
	"muniment.v1.ListRecordsRequest.kind":              "of the contract",
	"muniment.v1.ListRecordsRequest.user":              "a principal, for the role auditor",
	"muniment.v1.ListRecordsRequest.app":               "a principal, for the role auditor",
	"muniment.v1.TraceDocumentRequest.app":             "a principal: a filter on uses of the document",
	"muniment.v1.VerifyDocumentRequest.content_hash":   "of a text; TestVerifyDocumentRefuses sends a hidden one's",
	"muniment.v1.VerifyDocumentRequest.note":           "a note",
	"muniment.v1.ResolveConflictRequest.note":          "a note",
	"muniment.v1.ResolveConflictRequest.conflict_id":   "a hash of two documents and what they say; TestResolveConflictRefuses sends a hidden one's",
	"muniment.v1.ListConflictsRequest.quantities":      "of a list",
	"muniment.v1.ListConflictsRequest.page_token":      "a sealed token, bound to its caller",
	"muniment.v1.ListWorkRequest.page_token":           "a sealed token, bound to its caller",
}

// demandEveryName fails the test for a text in a request of the contract that no probe
// fills with the name of a target, unless it is known to name nothing. So a method or a
// field that is new must be probed, or looked at.
func demandEveryName(t *testing.T, probes []probe) {
	t.Helper()
	filled := map[string]bool{} // by method and field
	x := secret{source: "the source", id: "the id", session: "the session", receipt: "the receipt", record: "the record"}
	for _, p := range probes {
		for _, m := range p.make(x) {
			eachText(m.ProtoReflect(), func(f protoreflect.FieldDescriptor, value string) {
				if strings.Contains(value, "the ") {
					filled[string(p.method.FullName())+" "+string(f.FullName())] = true
				}
			})
		}
	}
	for name, m := range contract(t) {
		for f := range texts(m.Input(), map[protoreflect.FullName]bool{}) {
			if _, known := namesNothing[f]; !known && !filled[string(name)+" "+string(f)] {
				t.Errorf("%s takes %s, and nothing shows that it keeps secret what exists", name, f)
			}
		}
	}
}

// texts returns the fields of text or bytes that a message can hold, at any depth.
func texts(m protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) map[protoreflect.FullName]bool {
	found := map[protoreflect.FullName]bool{}
	if seen[m.FullName()] {
		return found
	}
	seen[m.FullName()] = true
	for i := range m.Fields().Len() {
		switch f := m.Fields().Get(i); {
		case f.IsMap() || f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind:
			found[f.FullName()] = true
		case f.Kind() == protoreflect.MessageKind:
			for name := range texts(f.Message(), seen) {
				found[name] = true
			}
		}
	}
	return found
}

// eachText visits the texts that the message holds.
func eachText(m protoreflect.Message, visit func(f protoreflect.FieldDescriptor, value string)) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
		case f.IsList() && f.Kind() == protoreflect.StringKind:
			for i := range v.List().Len() {
				visit(f, v.List().Get(i).String())
			}
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for i := range v.List().Len() {
				eachText(v.List().Get(i).Message(), visit)
			}
		case f.IsList():
		case f.Kind() == protoreflect.MessageKind:
			eachText(v.Message(), visit)
		case f.Kind() == protoreflect.StringKind:
			visit(f, v.String())
		}
		return true
	})
}
