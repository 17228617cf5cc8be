package answer_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/formbridge/tenantsecrets/internal/answer"
)

// The code and the request ID are kept by their form, so that neither carries a secret.
func TestWritesKeepACodeAndARequestIDByTheirForm(t *testing.T) {
	secret := rand.Text() + rand.Text()[:17]
	for _, hidden := range []string{
		secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), "Wrong: " + secret[:8], secret[:20] + "2",
	} {
		err := &awshttp.ResponseError{RequestID: hidden, ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{}, Err: &smithy.GenericAPIError{Code: hidden + "2", Message: hidden},
		}}
		f := sentinels.ExplainWrite(err)
		checkQuiet(t, "ExplainWrite", f, hidden)
		var api smithy.APIError
		if !errors.As(f, &api) || api.ErrorCode() != "UnknownError" {
			t.Errorf("%v, want the code UnknownError", f)
		}
	}
}

// What a write was refused for is said in fixed words.
func TestRefusalsSayWhatTheyAreAbout(t *testing.T) {
	for _, tt := range []struct{ code, message, want string }{
		{"ValidationException", "Value 'x' at 'kmsKeyId' failed to satisfy constraint", "; it is about KMSKeyID"},
		{"ValidationException", "Value 'the tag' at 'description' failed to satisfy constraint", "; it is about Description"},
		{"ValidationException", "Value 'x' at 'tags.1.member.key' failed to satisfy constraint", "; it is about Tags"},
		{"ValidationException", "Value 'x' at 'secretString' failed to satisfy constraint", "; it is about the value"},
		{"ValidationException", "Value 'x' at 'clientRequestToken' failed to satisfy constraint", "; it is about the version ID"},
		{"InvalidParameterException", "A tag key is there twice", "; it is about Tags"},
		{"InvalidRequestException", "The KMS key is disabled", "; it is about KMSKeyID"},
		{"InvalidParameterException", "Stages and vintages and kmsx", "does not take"},
		{"LimitExceededException", "", "a quota of Secrets Manager is reached: remove what is not used, or have the quota raised"},
		{"EncryptionFailure", "", "the KMS key (KMSKeyID) cannot encrypt: check that it exists, is enabled, and may be used by the caller"},
		{"AccessDeniedException", "at 'tags'", ""},
		{"SomethingNew", "at 'tags'", ""},
	} {
		var api smithy.APIError
		f := sentinels.ExplainWrite(coded(tt.code, tt.message))
		if !errors.As(f, &api) || !strings.HasSuffix(api.ErrorMessage(), tt.want) || tt.want == "" && api.ErrorMessage() != "" {
			t.Errorf("%s, %s: %v, want %q", tt.code, tt.message, f, tt.want)
		}
		if !strings.Contains(f.Error(), tt.want) || tt.message != "" && strings.Contains(f.Error(), tt.message) {
			t.Errorf("%s: %q, want %q and nothing of the message", tt.code, f, tt.want)
		}
	}
}

func TestIsRefusal(t *testing.T) {
	for code, want := range map[string]bool{"InvalidParameterException": true, "ThrottlingException": false, "": false} {
		if answer.IsRefusal(coded(code, "")) != want {
			t.Errorf("%q: IsRefusal is %v", code, !want)
		}
	}
	if answer.IsRefusal(errors.New("anything")) {
		t.Error("anything is a refusal")
	}
}
