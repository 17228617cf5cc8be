package rotation_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// A write that would be refused again is not "try again later", and its message is dropped.
func TestARefusedWriteIsDefinite(t *testing.T) {
	for _, code := range []string{"ValidationException", "InvalidParameterException", "InvalidRequestException", "LimitExceededException", "MalformedPolicyDocumentException"} {
		inBubble(t, func(s *service) {
			secret := rand.Text()
			defer s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", Err: &smithy.GenericAPIError{
				Code: code, Message: "cannot take " + secret[:13] + " or " + hex.EncodeToString([]byte(secret)),
			}})()
			_, err := s.rotator.Rotate(s.Context(), tenant)
			var api smithy.APIError
			if !errors.Is(err, tenantsecrets.ErrRefused) || errors.Is(err, tenantsecrets.ErrUnavailable) || !errors.As(err, &api) || api.ErrorCode() != code {
				s.Errorf("%s: error %v", code, err)
			}
			s.silent("", []error{err}, []string{secret[:13], secret[3:11], hex.EncodeToString([]byte(secret))[:8]})
		})
	}
}

// A label that cannot be moved.
func TestARefusedLabelIsDefinite(t *testing.T) {
	inSteps(t, func(d *stepwise) {
		d.mustTake(fourSteps[:3]...)
		remove := d.backend.Inject(secretstest.Fault{Operation: "UpdateSecretVersionStage", Err: &smithy.GenericAPIError{Code: "LimitExceededException"}})
		d.wantsError("finishSecret", tenantsecrets.ErrRefused)
		remove()
		d.mustTake("finishSecret")
		d.checkComplete()
	})
}

// forged changes answers to reads by version and to lists.
type forged struct {
	*secretstest.Backend
	value func(*secretsmanager.GetSecretValueOutput)
	list  func(*secretsmanager.ListSecretVersionIdsOutput)
}

func (f *forged) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := f.Backend.GetSecretValue(ctx, in, optFns...)
	if err == nil && f.value != nil {
		f.value(out)
	}
	return out, err
}

func (f *forged) ListSecretVersionIds(ctx context.Context, in *secretsmanager.ListSecretVersionIdsInput, optFns ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretVersionIdsOutput, error) { //nolint:revive // the name of the API
	out, err := f.Backend.ListSecretVersionIds(ctx, in, optFns...)
	if err == nil && f.list != nil {
		f.list(out)
	}
	return out, err
}

func TestVersionsComparesWhatIsAnswered(t *testing.T) {
	elsewhere := func(arn *string) *string {
		return aws.String(strings.Replace(*arn, "123456789012", "210987654321", 1))
	}
	inBubble(t, func(s *service) {
		for what, tt := range map[string]struct {
			list func(*secretsmanager.ListSecretVersionIdsOutput)
			want error
		}{
			"another name":    {func(o *secretsmanager.ListSecretVersionIdsOutput) { o.Name = aws.String("other") }, tenantsecrets.ErrWrongTenant},
			"another account": {func(o *secretsmanager.ListSecretVersionIdsOutput) { o.ARN = elsewhere(o.ARN) }, tenantsecrets.ErrWrongTenant},
			"nothing":         {func(o *secretsmanager.ListSecretVersionIdsOutput) { *o = secretsmanager.ListSecretVersionIdsOutput{} }, tenantsecrets.ErrUnavailable},
		} {
			r := s.newRotator(&forged{Backend: s.backend, list: tt.list})
			if _, err := r.Versions(s.Context(), tenant); !errors.Is(err, tt.want) {
				s.Errorf("a list of %s: error %v, want %v", what, err, tt.want)
			}
		}
		r := s.newRotator(&forged{Backend: s.backend, value: func(o *secretsmanager.GetSecretValueOutput) { o.ARN = elsewhere(o.ARN) }})
		versions, err := r.Versions(s.Context(), tenant)
		if err != nil || len(versions) == 0 {
			s.Fatal(len(versions), err)
		}
		for _, v := range versions {
			if !errors.Is(v.Err, tenantsecrets.ErrWrongTenant) || v.Keys != nil {
				s.Errorf("%d keys of another account's value, error %v", len(v.Keys), v.Err)
			}
		}
	})
}

var _ rotation.API = (*forged)(nil)
