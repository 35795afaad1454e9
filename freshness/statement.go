package freshness

// Span is a half-open range [Start, End) of code points.
type Span struct {
	Start int `cbor:"1,keyasint" json:"start"`
	End   int `cbor:"2,keyasint" json:"end"`
}

// Statement is one sentence of a passage with the values it states, prepared at ingestion so that
// a query only compares. Sentences without a value have no Statement. Its fields are plain so
// that a catalog can store it in any encoding.
type Statement struct {
	Span       Span       `cbor:"1,keyasint" json:"s"`           // where it stands in the passage
	Text       string     `cbor:"2,keyasint" json:"t"`           // the passage's own text in Span
	Words      []byte     `cbor:"3,keyasint" json:"w"`           // its words in order, three bytes each: see word
	Quantities []Quantity `cbor:"4,keyasint" json:"q"`           // the values, in order; never empty
	Row        uint32     `cbor:"5,keyasint,omitempty" json:"r"` // hash of the first cell if it is a table row, else 0
	Rule       bool       `cbor:"6,keyasint,omitempty" json:"p"` // it prescribes (must, shall, may, required)
}

// Quantity is one typed value of a statement.
type Quantity struct {
	Kind   Kind    `cbor:"1,keyasint" json:"k"`
	Bound  Bound   `cbor:"2,keyasint,omitempty" json:"b,omitempty"`
	Unit   string  `cbor:"3,keyasint,omitempty" json:"u,omitempty"` // normalised: "USD/month", "time", "bytes"; "" for dates and counts
	Low    float64 `cbor:"4,keyasint" json:"l"`                     // the value in the base of its unit, or the lower end of a range
	Width  float64 `cbor:"5,keyasint,omitempty" json:"w,omitempty"` // upper end minus Low for a range, else 0
	Alt    float64 `cbor:"6,keyasint,omitempty" json:"a,omitempty"` // a second possible reading of Low ("1.000", "1:00"), else 0
	Coarse float64 `cbor:"7,keyasint,omitempty" json:"c,omitempty"` // the step of the last written digit of a rounded number, else 0
	Head   uint16  `cbor:"8,keyasint,omitempty" json:"h,omitempty"` // hash of what is counted ("reviews"), else 0
	Label  uint16  `cbor:"9,keyasint,omitempty" json:"n,omitempty"` // hash of the nearest word before it, else 0
	At     int     `cbor:"10,keyasint" json:"i"`                    // index of its place in Words
	Start  int     `cbor:"11,keyasint" json:"f"`                    // where it begins, in code points from the statement's start
	Len    int     `cbor:"12,keyasint" json:"e"`                    // how long it is, in code points
}

// Kind says what sort of value a Quantity is. Values of different kinds are never compared.
type Kind uint8

// The kinds. The zero Kind is not a value.
const (
	_ Kind = iota
	Money
	Percent
	Duration
	Size
	Length
	Weight
	Temperature
	Date
	Time
	Weekday
	Ordinal
	Version
	Phone
	Email
	Frequency
	Ratio
	Count
)

var kindNames = [...]string{"", "money", "percent", "duration", "size", "length", "weight", "temperature", "date",
	"time", "weekday", "ordinal", "version", "phone", "e-mail", "frequency", "ratio", "count"}

// String returns the kind's name in lower case, "" for a value outside the list.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Bound says how a sentence limits a value.
type Bound uint8

// The bounds. Limits ("within", "at least") set a value even in plain prose; "more than" and
// "less than" only describe one.
const (
	Exact Bound = iota
	About
	AtMost
	AtLeast
	LessThan
	MoreThan
)
