package sip

import (
	"math/bits"
	"strings"
)

// Flaws is the set of things that are wrong or odd in a message. The reader never rejects: it extracts what it can and
// notes here what a strict server might refuse. The tokens are part of sipward's machine interface and never change.
type Flaws uint64

// The flaws that make a message unacceptable: RFC 3261's grammar has no place for them, or a header rule of its text
// forbids them.
const (
	BadStartLine     Flaws = 1 << iota // blanks around or instead of the single spaces of the first line
	BadVersion                         // not SIP/2.0
	BadMethod                          // method is not a token
	BadStatus                          // status code is not three digits between 100 and 699
	BadURI                             // an address that RFC 3261 section 19.1 does not allow, at any place
	BadHeaderLine                      // header line without a colon, or a name that is not a token
	BareLF                             // line ended by LF alone
	ControlChar                        // NUL or another control character outside a quoted pair
	NoFinalCRLF                        // the empty line after the headers is missing: message cut off
	NoVia                              // no Via, mandatory by RFC 3261 section 8.1.1
	NoFrom                             // no From, mandatory
	NoTo                               // no To, mandatory
	NoCallID                           // no Call-ID, mandatory
	NoCSeq                             // no CSeq, mandatory
	DuplicateHeader                    // a header that may stand only once stands more often
	BadContentLength                   // not a number, or more than the datagram holds
	BadCSeq                            // not a 32-bit number and a method
	CSeqMismatch                       // method of CSeq is not the request's method
	BadVia                             // a Via that cannot be read as RFC 3261 section 20.42 says
	BadAddress                         // From, To or Contact that is no name-addr and no addr-spec
	BadDisplay                         // display name neither quoted nor made of tokens
	UnclosedQuote                      // a quoted string without an end
	EmptyParam                         // nothing between two separators: ";;" or ",,"
	BadParam                           // a parameter with characters that need quotes
	BadCallID                          // Call-ID is not word[@word]
	BadDate                            // Date is not an RFC 1123 date in GMT
	BadCredentials                     // a Digest header that cannot be read as RFC 3261 section 25.1 says
)

// The flaws that an element following RFC 3261 and RFC 4475 can live with.
const (
	Fold             Flaws = 1 << (iota + 40) // a header goes on in the next line; legal, nearly extinct
	BlankBeforeColon                          // legal since ever, used to hide header names
	LeadingCRLF                               // empty lines before the first line, RFC 3261 section 7.5
	ExtraBytes                                // more bytes than Content-Length says, dropped by RFC 3261 section 18.3
	EscapedControl                            // control character in a quoted pair, RFC 4475 section 3.1.1.2
	BadBranch                                 // a branch with the magic cookie and nothing else, RFC 4475 section 3.2.1
	NoFromTag                                 // RFC 2543 allowed it, RFC 4475 section 3.4.1
	NoMaxForwards                             // a request without Max-Forwards; RFC 2543 allowed that, too
	BadMaxForwards                            // not a number up to 255; may be treated as absent
	BadExpires                                // not a 32-bit number; the default applies, RFC 4475 section 3.1.2.4
	OversizeHeader                            // one header, folds included, longer than OversizeHeaderBytes
	OversizeMessage                           // more than 64 KiB: only the first 64 KiB were read
)

// OversizeHeaderBytes is the length above which a header is called oversize. Long but honest headers (STIR identities,
// Digest answers, routes through many proxies) stay below; overflow attempts do not.
const OversizeHeaderBytes = 2048

// unacceptable holds the flaws of the first group.
const unacceptable = BadCredentials<<1 - 1

// flawTokens names each bit. A token is lower case, words joined by underscores.
var flawTokens = [64]string{
	0: "bad_start_line", 1: "bad_version", 2: "bad_method", 3: "bad_status", 4: "bad_uri", 5: "bad_header_line",
	6: "bare_lf", 7: "control_char", 8: "no_final_crlf", 9: "no_via", 10: "no_from", 11: "no_to", 12: "no_call_id",
	13: "no_cseq", 14: "duplicate_header", 15: "bad_content_length", 16: "bad_cseq", 17: "cseq_mismatch",
	18: "bad_via", 19: "bad_address", 20: "bad_display", 21: "unclosed_quote", 22: "empty_param", 23: "bad_param",
	24: "bad_call_id", 25: "bad_date", 26: "bad_credentials",
	40: "fold", 41: "blank_before_colon", 42: "leading_crlf", 43: "extra_bytes", 44: "escaped_control",
	45: "bad_branch", 46: "no_from_tag", 47: "no_max_forwards", 48: "bad_max_forwards", 49: "bad_expires",
	50: "oversize_header", 51: "oversize_message",
}

// Has reports whether f holds any of the given flaws.
func (f Flaws) Has(any Flaws) bool { return f&any != 0 }

// Unacceptable returns the flaws that RFC 3261 lets a server refuse the message for.
func (f Flaws) Unacceptable() Flaws { return f & unacceptable }

// Tokens lists the documented names of the flaws, the unacceptable ones first. It is never nil.
func (f Flaws) Tokens() []string {
	tokens := make([]string, 0, bits.OnesCount64(uint64(f)))
	for ; f != 0; f &= f - 1 {
		tokens = append(tokens, flawTokens[bits.TrailingZeros64(uint64(f))])
	}
	return tokens
}

// String joins the tokens with commas.
func (f Flaws) String() string { return strings.Join(f.Tokens(), ",") }
