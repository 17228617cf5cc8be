package webhook

import (
	"errors"
	"io"
	"net/http"
)

// content is a body: bytes, or a reader that gives them.
type content struct {
	bytes  []byte
	reader io.Reader // nil: bytes has it all
	length int64     // as declared; -1 where it is not known
	err    error     // why it could not be read
}

// contentOf returns a request's body. A ContentLength of 0 beside a body means that
// nobody set it, as it does in an http.Request that is sent: http.NewRequest leaves it
// at 0 for a plain reader. Only nil and http.NoBody are known to be empty.
func contentOf(r *http.Request) content {
	c := content{reader: r.Body, length: r.ContentLength}
	if c.length == 0 && r.Body != nil && r.Body != http.NoBody {
		c.length = -1
	}
	return c
}

// firstRead is the most that is set aside for a body before any of it has come,
// and after that it is four times what has. Who declares a length need not send it.
const firstRead = 8 << 10

// read reads the body, once. Whatever its length is said to be, at most limit
// bytes and one more are read.
func (b *content) read(limit int64) error {
	if b.reader != nil {
		b.bytes, b.err = b.readAll(limit)
		b.reader = nil
	}
	return b.err
}

func (b *content) readAll(limit int64) ([]byte, error) {
	bytes := make([]byte, 0, b.room(firstRead, limit))
	for {
		if len(bytes) == cap(bytes) {
			bytes = append(make([]byte, 0, b.room(4*len(bytes), limit)), bytes...)
		}
		n, err := b.reader.Read(bytes[len(bytes):cap(bytes)])
		bytes = bytes[:len(bytes)+n]
		switch declared := b.length >= 0; {
		case int64(len(bytes)) > limit:
			return nil, ErrTooLarge
		case declared && int64(len(bytes)) > b.length:
			return nil, errNotAsLong
		case errors.Is(err, io.EOF) && declared && int64(len(bytes)) < b.length:
			return nil, errNotAsLong
		case errors.Is(err, io.EOF):
			return bytes, nil
		case err != nil:
			return nil, unreadable(err)
		}
	}
}

var errNotAsLong = malformed("the body is not as long as declared")

// room is how much to set aside where most may be: no more than the body can have,
// and one byte, which finds its end without growing and shows where there is more.
func (b *content) room(most int, limit int64) int64 {
	length := limit
	if b.length >= 0 {
		length = b.length
	}
	return 1 + min(int64(most), limit, length)
}

// unreadable is an error without the text of its cause, which some reader wrote
// that may quote what it read.
func unreadable(cause error) error {
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(cause, &tooLarge) {
		return ErrTooLarge // by a limit that was put in front of us
	}
	return &bodyError{cause}
}

type bodyError struct{ cause error }

func (*bodyError) Error() string   { return "the body could not be read" }
func (e *bodyError) Unwrap() error { return e.cause }
