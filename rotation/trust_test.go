package rotation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// ill is a secret, or an answer about it, that nothing may be written after.
type ill struct {
	what  string
	want  error
	begin func(s *service, api *tapped)
}

func descriptions(change func(*secretsmanager.DescribeSecretOutput)) func(*service, *tapped) {
	return func(_ *service, api *tapped) { api.describe = change }
}

func values(change func(*secretsmanager.GetSecretValueOutput)) func(*service, *tapped) {
	return func(_ *service, api *tapped) { api.get = change }
}

func arns(from, to string) func(*service, *tapped) {
	return descriptions(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = replaced(out.ARN, from, to) })
}

func tags(key, value string) func(*service, *tapped) {
	return descriptions(func(out *secretsmanager.DescribeSecretOutput) {
		out.Tags = append(out.Tags, types.Tag{Key: &key, Value: &value})
	})
}

// putting is what another program wrote.
func putting(members map[string]any) func(*service, *tapped) {
	return func(s *service, _ *tapped) { s.put(hmacName, s.document(members)) }
}

func faults(f secretstest.Fault) func(*service, *tapped) {
	return func(s *service, _ *tapped) { s.backend.Inject(f) }
}

func replaced(text *string, old, with string) *string {
	return aws.String(strings.Replace(*text, old, with, 1))
}

const otherTenant = "t_abc124"

var ills = []ill{
	{"another name", tenantsecrets.ErrWrongTenant, descriptions(func(out *secretsmanager.DescribeSecretOutput) {
		out.Name = replaced(out.Name, tenant, otherTenant)
	})},
	{"no name", tenantsecrets.ErrWrongTenant, descriptions(func(out *secretsmanager.DescribeSecretOutput) { out.Name = nil })},
	{"no ARN", tenantsecrets.ErrWrongTenant, descriptions(func(out *secretsmanager.DescribeSecretOutput) { out.ARN = nil })},
	{"an ARN of another tenant", tenantsecrets.ErrWrongTenant, arns(tenant, otherTenant)},
	{"an ARN of a longer name", tenantsecrets.ErrWrongTenant, arns("hmac_key-", "hmac_key-2-")},
	{"an ARN of another service", tenantsecrets.ErrWrongTenant, arns(":secretsmanager:", ":ssm:")},
	{"another partition", tenantsecrets.ErrWrongTenant, arns("arn:aws:", "arn:aws-cn:")},
	{"another account", tenantsecrets.ErrWrongTenant, arns("123456789012", "210987654321")},
	{"another Region", tenantsecrets.ErrWrongTenant, arns("us-east-1", "eu-west-1")},
	{"another TenantId", tenantsecrets.ErrWrongTenant, tags("TenantId", otherTenant)},
	{"another SecretType", tenantsecrets.ErrWrongTenant, tags("SecretType", "api_key")},
	{"a value of another name", tenantsecrets.ErrWrongTenant, values(func(out *secretsmanager.GetSecretValueOutput) {
		out.Name = replaced(out.Name, tenant, otherTenant)
	})},
	{"a value of another ARN", tenantsecrets.ErrWrongTenant, values(func(out *secretsmanager.GetSecretValueOutput) { out.ARN = aws.String(*out.ARN + "x") })},
	{"a value of another version", tenantsecrets.ErrWrongTenant, values(func(out *secretsmanager.GetSecretValueOutput) { out.VersionId = aws.String(token) })},
	{"another tenant's document", tenantsecrets.ErrWrongTenant, putting(map[string]any{"tenant_id": otherTenant})},
	{"a document of the tenant in another case", tenantsecrets.ErrWrongTenant, putting(map[string]any{"tenant_id": strings.ToUpper(tenant)})},

	{"a document without a key", tenantsecrets.ErrMalformed, putting(map[string]any{"shared_secret": nil})},
	{"a key that is too short", tenantsecrets.ErrMalformed, putting(map[string]any{"shared_secret": "short"})},
	{"a format of the future", tenantsecrets.ErrMalformed, putting(map[string]any{"version": "2.0"})},
	{"a state that is none", tenantsecrets.ErrMalformed, putting(map[string]any{"state": "sleeping"})},
	{"what is no JSON", tenantsecrets.ErrMalformed, func(s *service, _ *tapped) { s.put(hmacName, "a secret") }},
	{"a binary value", tenantsecrets.ErrMalformed, func(s *service, _ *tapped) {
		in := &secretsmanager.PutSecretValueInput{SecretId: aws.String(hmacName), SecretBinary: []byte(s.document(nil))}
		if _, err := s.backend.PutSecretValue(s.Context(), in); err != nil {
			s.Fatal(err)
		}
	}},

	{"a secret that is gone", tenantsecrets.ErrNotFound, func(s *service, _ *tapped) {
		s.remove(&secretsmanager.DeleteSecretInput{ForceDeleteWithoutRecovery: aws.Bool(true)})
	}},
	{"a secret that is scheduled for deletion", tenantsecrets.ErrPendingDeletion, func(s *service, _ *tapped) {
		s.remove(&secretsmanager.DeleteSecretInput{})
	}},
	{"DescribeSecret denied", tenantsecrets.ErrAccessDenied, faults(secretstest.Fault{Operation: "DescribeSecret", Err: secretstest.AccessDenied()})},
	{"GetSecretValue denied", tenantsecrets.ErrAccessDenied, faults(secretstest.Fault{Operation: "GetSecretValue", Err: secretstest.AccessDenied()})},
	{"PutSecretValue denied", tenantsecrets.ErrAccessDenied, faults(secretstest.Fault{Operation: "PutSecretValue", Err: secretstest.AccessDenied()})},
	{"a KMS key that may not decrypt", tenantsecrets.ErrAccessDenied, faults(secretstest.Fault{Operation: "GetSecretValue", Err: secretstest.KMSDenied()})},
	{"a KMS key that may not encrypt", tenantsecrets.ErrAccessDenied, faults(secretstest.Fault{Operation: "PutSecretValue", Err: secretstest.KMSDenied()})},
	{"a KMS key that is disabled", tenantsecrets.ErrAccessDenied, func(s *service, _ *tapped) {
		s.backend.SetKMSKey("alias/aws/secretsmanager", secretstest.KeyDisabled)
	}},
	{"a KMS key that is disabled for writes", tenantsecrets.ErrAccessDenied, func(s *service, api *tapped) {
		api.before = func(operation string, _ int) error {
			if operation == "PutSecretValue" {
				s.backend.SetKMSKey("alias/aws/secretsmanager", secretstest.KeyDisabled)
			}
			return nil
		}
		s.Cleanup(func() { s.backend.SetKMSKey("alias/aws/secretsmanager", secretstest.KeyEnabled) })
	}},

	{"throttling", tenantsecrets.ErrUnavailable, faults(secretstest.Fault{Err: secretstest.Throttling()})},
	{"credentials that have ended", tenantsecrets.ErrUnavailable, faults(secretstest.Fault{Err: secretstest.ExpiredToken()})},
	{"an outage", tenantsecrets.ErrUnavailable, faults(secretstest.Fault{Err: secretstest.ConnectionReset()})},
	{"an outage of writes", tenantsecrets.ErrUnavailable, faults(secretstest.Fault{Operation: "PutSecretValue", Err: secretstest.InternalError()})},
}

func (s *service) remove(in *secretsmanager.DeleteSecretInput) {
	s.Helper()
	in.SecretId = aws.String(hmacName)
	if _, err := s.backend.DeleteSecret(s.Context(), in); err != nil {
		s.Fatal(err)
	}
}

// put counts the versions that were written since the log was cleared.
func (s *service) puts() (n int) {
	for _, call := range s.backend.Calls() {
		if call.Operation == "PutSecretValue" && call.Code == "" {
			n++
		}
	}
	return n
}

// What cannot be trusted, read or written is left as it is, whatever is wanted.
func TestNothingIsWrittenAfterWhatIsIll(t *testing.T) {
	for _, tt := range ills {
		t.Run(tt.what, func(t *testing.T) {
			for op, write := range writers {
				inBubble(t, func(s *service) {
					first, _ := s.current(hmacName)
					s.wants(rotation.Done)(s.rotator.Rotate(s.Context(), tenant))
					c, err := tenantsecrets.New(s.backend, naming, func(o *tenantsecrets.Options) {
						o.Partition, o.Account, o.Region = "aws", "123456789012", "us-east-1"
					})
					if err != nil {
						s.Fatal(err)
					}
					defer c.Close()
					api := &tapped{Backend: s.backend}
					r, err := rotation.New(c, api)
					if err != nil {
						s.Fatal(err)
					}
					tt.begin(s, api)
					s.backend.ClearCalls()
					result, err := write(s.Context(), r, first.KID)
					s.wantsError(err, op, tenant, tt.want)
					if s.puts() != 0 || result.Outcome != 0 || result.Keys != nil {
						s.Errorf("%s: %+v, called %v", op, result, s.operations())
					}
				})
			}
		})
	}
}
