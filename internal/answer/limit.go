package answer

import (
	"context"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The largest answers of Secrets Manager, with room to spare. A value has at most 65,536
// bytes, which JSON may write with six characters each; a batch has 20 values, and a list
// 100 secrets with 50 tags of at most 384 characters each (API reference, Limits).
const (
	OneSecret   = 1 << 20
	ManySecrets = 16 << 20
)

var errTooLarge = errors.New("the answer is larger than any of Secrets Manager's")

// Limit is an option for a request whose answer has at most that many bytes. The rest
// of a larger one is not read, and the request fails.
func Limit(bytes int64) func(*secretsmanager.Options) {
	return func(o *secretsmanager.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(limit(bytes), middleware.After)
		})
	}
}

// limit is the middleware that is next to the transport, below all that read the body.
type limit int64

// ID names the middleware.
func (limit) ID() string { return "tenantsecrets.Limit" }

// HandleDeserialize bounds the body of the answer.
func (l limit) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if response, ok := out.RawResponse.(*smithyhttp.Response); ok && response.Body != nil {
		response.Body = &limitedBody{response.Body, int64(l)}
	}
	return out, metadata, err
}

// limitedBody fails where more than left bytes are read.
type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more shows that there is more
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
