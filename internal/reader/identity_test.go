package reader_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:" + name + "-AbCdEf"

var (
	place    = reader.Place{Partition: "aws", Account: "123456789012", Region: "eu-central-1"}
	identity = reader.IdentityOf(name, "t_abc123", "hmac_key")
)

func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		name, arn string
		at        reader.Place
		want      string // the error; "": none
	}{
		{"where it must be", arn, place, ""},
		{"anywhere", arn, reader.Place{}, ""},
		{"the account alone counts", arn, reader.Place{Account: "123456789012"}, ""},
		{"the Region alone counts", arn, reader.Place{Region: "eu-central-1"}, ""},
		{"the partition alone counts", arn, reader.Place{Partition: "aws"}, ""},
		{"another partition", strings.Replace(arn, ":aws:", ":aws-cn:", 1), place, "its partition is not aws"},
		{"another account", strings.Replace(arn, "123456789012", "210987654321", 1), place, "its account is not 123456789012"},
		{"another Region", strings.Replace(arn, "eu-central-1", "us-east-1", 1), place, "its Region is not eu-central-1"},
		{"no account", strings.Replace(arn, "123456789012", "", 1), place, "its account is not 123456789012"},
		{"an account that begins so", strings.Replace(arn, "123456789012", "12345678901", 1), place, "its account is not 123456789012"},
		{"nothing", "", place, "the answer has no ARN of a secret"},
		{"a name", name, place, "the answer has no ARN of a secret"},
		{"a part of an ARN", "arn:aws:secretsmanager:eu-central-1", place, "the answer has no ARN of a secret"},
		{"another service's", strings.Replace(arn, "secretsmanager", "ssm", 1), place, "the answer has no ARN of a secret"},
		{"another resource", strings.Replace(arn, ":secret:", ":policy:", 1), place, "the ARN is of another name"},
		{"another name", strings.Replace(arn, "t_abc123", "t_abc124", 1), place, "the ARN is of another name"},
		{"a longer name", strings.Replace(arn, "hmac_key", "hmac_key2", 1), place, "the ARN is of another name"},
		{"a name that goes on where the suffix is", strings.Replace(arn, "-AbCdEf", "-AbCdEf-GhIjKl", 1), place, "the ARN is of another name"},
		{"a name in another case", strings.Replace(arn, "t_abc123", "T_abc123", 1), place, "the ARN is of another name"},
		{"no suffix", strings.TrimSuffix(arn, "-AbCdEf"), place, "the ARN is of another name"},
		{"an empty suffix", strings.TrimSuffix(arn, "AbCdEf"), place, "the ARN is of another name"},
		{"a short suffix", strings.TrimSuffix(arn, "f"), place, "the ARN is of another name"},
		{"a long suffix", arn + "g", place, "the ARN is of another name"},
		{"another separator", strings.Replace(arn, "-AbCdEf", "_AbCdEf", 1), place, "the ARN is of another name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.at.Check(name, tt.arn)
			checkForeign(t, err, tt.want)
			want := place
			if tt.want != "" {
				want = reader.Place{}
			}
			if got != want {
				t.Errorf("it is at %+v, want %+v", got, want)
			}
		})
	}
}

// checkForeign wants an error with that text, which is a Foreign; "": none.
func checkForeign(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("error %v", err)
		}
		return
	}
	var foreign reader.Foreign
	if !errors.As(err, &foreign) || err.Error() != want {
		t.Errorf("error %v (%T), want %q", err, err, want)
	}
}

func TestIdentity(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*reader.Description)
		want   string
	}{
		{"without tags", func(*reader.Description) {}, ""},
		{"with its own", func(d *reader.Description) {
			d.Tags = map[string]string{reader.TagTenantID: "t_abc123", reader.TagSecretType: "hmac_key", reader.TagEnvironment: "prod", reader.TagService: "formbridge"}
		}, ""},
		{"with tags of others", func(d *reader.Description) {
			d.Tags = map[string]string{"team": "x", "tenantid": "y", "environment": "z", "service": "z"}
		}, ""},
		{"with another tenant's", func(d *reader.Description) { d.Tags = map[string]string{reader.TagTenantID: "t_abc124"} }, `its tag TenantId is not "t_abc123"`},
		{"with an empty tenant's", func(d *reader.Description) { d.Tags = map[string]string{reader.TagTenantID: ""} }, `its tag TenantId is not "t_abc123"`},
		{"with another kind's", func(d *reader.Description) { d.Tags = map[string]string{reader.TagSecretType: "api_key"} }, `its tag SecretType is not "hmac_key"`},
		{"with another environment's", func(d *reader.Description) { d.Tags = map[string]string{reader.TagEnvironment: "staging"} }, `its tag Environment is not "prod"`},
		{"with an empty environment's", func(d *reader.Description) { d.Tags = map[string]string{reader.TagEnvironment: ""} }, `its tag Environment is not "prod"`},
		{"with another service's", func(d *reader.Description) { d.Tags = map[string]string{reader.TagService: "billing"} }, `its tag Service is not "formbridge"`},
		{"under another name", func(d *reader.Description) { d.Name += "2" }, "the answer is about another name"},
		{"under no name", func(d *reader.Description) { d.Name = "" }, "the answer is about another name"},
		{"with another's ARN", func(d *reader.Description) { d.ARN = strings.Replace(arn, "t_abc123", "t_abc124", 1) }, "the ARN is of another name"},
		{"elsewhere", func(d *reader.Description) { d.ARN = strings.Replace(arn, "eu-central-1", "us-east-1", 1) }, "its Region is not eu-central-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := reader.Description{Name: name, ARN: arn}
			tt.change(&d)
			checkForeign(t, identity.Check(&d, place), tt.want)
		})
	}
}

// One function decides whose a document is, for those who read and those who write.
func TestCheckOwner(t *testing.T) {
	tagged := func(tenant string) reader.Description {
		return reader.Description{Tags: map[string]string{reader.TagTenantID: tenant}}
	}
	const (
		another  = `tenant_id in its document is not "t_abc123"`
		otherTag = `its tag TenantId is not "t_abc123"`
		nobodys  = "nothing says whose it is: add the tag TenantId with the value t_abc123 to the secret"
		unseen   = "nothing says whose it is: GetSecretValue does not show tags; read with DescribeSecret too"
	)
	for _, tt := range []struct {
		what      string
		d         reader.Description
		text      string
		foreign   string // the error, a Foreign; "": none
		malformed string // the error, a Malformed; "": none
		tag       string // the error of CheckTag; "": none
	}{
		{"by tenant_id", reader.Description{}, `{"tenant_id":"t_abc123"}`, "", "", nobodys},
		{"by tenant_id, tags unseen", reader.Description{Partial: true}, `{"tenant_id":"t_abc123"}`, "", "", unseen},
		{"by the tag", tagged("t_abc123"), `{}`, "", "", ""},
		{"another's tenant_id", tagged("t_abc123"), `{"tenant_id":"t_abc124"}`, another, "", ""},
		{"another's tag", tagged("t_abc124"), `{}`, otherTag, "", otherTag},
		{"an empty tag", tagged(""), `{}`, otherTag, "", otherTag},
		{"nobody's", reader.Description{}, `{}`, "", nobodys + ", or tenant_id to its document", nobodys},
		{"nobody's, tags unseen", reader.Description{Partial: true}, `{}`, "", "nothing says whose it is: its document has no tenant_id, and GetSecretValue does not show tags; add tenant_id to the document, or read with DescribeSecret too", unseen},
		{"no object", tagged("t_abc123"), `7`, "", "it is not a JSON object", ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			err := identity.CheckOwner(&tt.d, tt.text)
			if tt.malformed == "" {
				checkForeign(t, err, tt.foreign)
			} else {
				checkMalformed(t, err, tt.malformed)
			}
			if err = identity.CheckTag(&tt.d); tt.tag == "" || tt.tag == otherTag {
				checkForeign(t, err, tt.tag)
			} else {
				checkMalformed(t, err, tt.tag)
			}
		})
	}
}

// checkMalformed wants an error with that text, which is a document.Malformed.
func checkMalformed(t *testing.T, err error, want string) {
	t.Helper()
	var malformed document.Malformed
	if !errors.As(err, &malformed) || err.Error() != want {
		t.Errorf("error %v (%T), want %q", err, err, want)
	}
}
