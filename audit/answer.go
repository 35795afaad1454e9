package audit

// Answer is what an application says that it told somebody.
type Answer struct {
	Retrievals    []string   `json:"retrievals"` // ids of the retrievals it was made from, as the app named them
	Citations     []Citation `json:"citations,omitempty"`
	Model         string     `json:"model,omitempty"` // that wrote it
	PromptID      string     `json:"prompt_id,omitempty"`
	PromptVersion string     `json:"prompt_version,omitempty"`
	Hash          string     `json:"hash"`           // SHA-256 of the text, in hexadecimal
	Text          string     `json:"text,omitempty"` // plaintext, if the app sent it; leaves with the body when that is erased
	Outcome       string     `json:"outcome"`        // what became of it: "SHOWN", "EDITED", "WITHHELD", "REJECTED" or "FAILED"
	Request       string     `json:"request,omitempty"`
	RequestHash   string     `json:"request_hash,omitempty"` // of the report itself, to tell a request id that is used again for another
}

// Citation is one place of an answer that names a source.
type Citation struct {
	Form string `json:"form"` // how the app named it, in the contract's words: "citation_id", "url_citation", …
	// Reference is what the app named. It is kept if it could not be resolved.
	Reference string `json:"reference,omitempty"`
	// Retrieval and Rank are the passage that was meant, and the rest what the record of that
	// retrieval says of it. They are empty if it could not be resolved.
	Retrieval string `json:"retrieval,omitempty"`
	Rank      int    `json:"rank,omitempty"`
	Source    string `json:"source,omitempty"`
	ID        string `json:"id,omitempty"`
	Version   int64  `json:"version,omitempty"`
	// Document says that the document alone was named, and Rank is its best passage.
	Document  bool   `json:"document,omitempty"`
	Start     int    `json:"start,omitempty"` // in the answer, in code points; both 0 if the app did not say
	End       int    `json:"end,omitempty"`
	QuoteHash string `json:"quote_hash,omitempty"` // SHA-256 of the text that the model quoted, in hexadecimal
}

// Resolved reports whether it is known which passage is meant.
func (c Citation) Resolved() bool { return c.Retrieval != "" }

// WithoutText is the record as an auditor sees it: without the plain text of queries and answers.
func (r Record) WithoutText() Record {
	if r.Retrieval != nil {
		retrieval := *r.Retrieval
		retrieval.Query = ""
		r.Retrieval = &retrieval
	}
	if r.Answer != nil {
		answer := *r.Answer
		answer.Text = ""
		r.Answer = &answer
	}
	return r
}
