package freshness

// Run says that a stretch of one text stands word for word in another, from which the first was
// made: Length code points at Text of the first, at Original of the second.
type Run struct {
	_        struct{} `cbor:",toarray"`
	Text     int
	Original int
	Length   int
}
