package webhook

import (
	"errors"
	"io"
	"net/http"
)

// content is a body: its bytes, or a reader and the declared length.
type content struct {
	bytes  []byte
	reader io.Reader // nil if bytes is the whole body
	length int64     // -1 if unknown
	err    error     // of reading it
	owned  bool      // bytes is in buffer
	buffer []byte    // of a refused request, to read the body into; then the body's own
}

// contentOf returns a request's body. A ContentLength of 0 with a body means that the
// length was not set: http.NewRequest leaves it at 0 for a reader of unknown length. Only
// nil and http.NoBody are known to be empty.
func contentOf(r *http.Request) content {
	c := content{reader: r.Body, length: r.ContentLength}
	if c.length == 0 && r.Body != nil && r.Body != http.NoBody {
		c.length = -1
	}
	return c
}

// firstRead is the largest buffer that is allocated before any byte has arrived. After
// that the buffer grows to four times what has arrived: a sender that declares a large
// body need not send it.
const firstRead = 8 << 10

// read reads the body, once. It reads at most one byte more than limit, whatever length
// was declared.
func (b *content) read(limit int64) error {
	if b.reader != nil {
		b.bytes, b.err = b.readAll(limit)
		b.reader, b.owned = nil, true
	}
	return b.err
}

func (b *content) readAll(limit int64) ([]byte, error) {
	bytes := b.firstBuffer(limit)
	defer func() { b.buffer = bytes }()
	for {
		if len(bytes) == cap(bytes) {
			bytes = append(make([]byte, 0, b.bufferSize(4*len(bytes), limit)), bytes...)
		}
		n, err := b.reader.Read(bytes[len(bytes):cap(bytes)])
		bytes = bytes[:len(bytes)+n]
		switch declared := b.length >= 0; {
		case int64(len(bytes)) > limit:
			return nil, ErrTooLarge
		case declared && int64(len(bytes)) > b.length:
			return nil, errLengthDiffers
		case errors.Is(err, io.EOF) && declared && int64(len(bytes)) < b.length:
			return nil, errLengthDiffers
		case errors.Is(err, io.EOF):
			return bytes, nil
		case err != nil:
			return nil, readError(err)
		}
	}
}

// firstBuffer returns the buffer of a refused body, unless a new one would be larger.
func (b *content) firstBuffer(limit int64) []byte {
	size := b.bufferSize(firstRead, limit)
	if int64(cap(b.buffer)) >= size {
		return b.buffer[:0:b.bufferSize(cap(b.buffer)-1, limit)]
	}
	return make([]byte, 0, size)
}

var errLengthDiffers = malformed("the body does not have the declared length")

// bufferSize returns the smallest of most, limit and the declared length, and one byte
// more: with it the end of the body, or a byte too many, is found without growing.
func (b *content) bufferSize(most int, limit int64) int64 {
	length := limit
	if b.length >= 0 {
		length = b.length
	}
	return 1 + min(int64(most), limit, length)
}

// readError hides the text of cause, because a reader of somebody else may quote the body
// in it.
func readError(cause error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(cause, &tooLarge) {
		return ErrTooLarge // an http.MaxBytesReader in front of the middleware
	}
	return &bodyError{cause}
}

type bodyError struct{ cause error }

func (*bodyError) Error() string   { return "the body could not be read" }
func (e *bodyError) Unwrap() error { return e.cause }
