package conformance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// create is what a limit of CreateSecret is tried with.
type create = secretsmanager.CreateSecretInput

// allowed is an input at its limit, with a name unless it brings one.
func allowed(name string, source source, in create) behaviour {
	return behaviour{"allowed: " + name, source, func(c *check) {
		if in.Name != nil {
			c.names = append(c.names, *in.Name)
		}
		c.createWith(in)
	}}
}

// beyond is an input past its limit, and what the service says of it.
func beyond(name string, source source, in create, message string) behaviour {
	return behaviour{"refused: " + name, source, func(c *check) {
		if in.Name == nil {
			in.Name = &c.name
		}
		_, err := c.CreateSecret(c.ctx, &in)
		c.refused(err, "ValidationException", message)
	}}
}

var (
	longName = "n" + long(512)
	longText = long(2049)
	longKey  = long(257)
)

var limits = []behaviour{
	allowed("name of 512", model, create{Name: aws.String(longName[:512])}),
	beyond("name of 513", model, create{Name: &longName}, violation("Value '"+longName+"'", "name", "have length less than or equal to 512")),
	beyond("token of 31", model, create{ClientRequestToken: aws.String(longKey[:31])},
		violation("Value '"+longKey[:31]+"'", "clientRequestToken", "have length greater than or equal to 32")),
	beyond("token of 65", model, create{ClientRequestToken: aws.String(longKey[:65])},
		violation("Value '"+longKey[:65]+"'", "clientRequestToken", "have length less than or equal to 64")),
	allowed("text of 65,536", quotas, create{SecretString: aws.String(long(65536))}),
	beyond("text of 65,537", reported("terraform-provider-aws, of a secret_string too long"), create{SecretString: aws.String(long(65537))},
		violation("Value", "secretString", "have length less than or equal to 65536")),
	beyond("empty text", model, create{SecretString: aws.String("")},
		violation("Value", "secretString", "have length greater than or equal to 1")),
	allowed("bytes of 65,536", quotas, create{SecretBinary: make([]byte, 65536)}),
	beyond("bytes of 65,537", model, create{SecretBinary: make([]byte, 65537)},
		violation("Value", "secretBinary", "have length less than or equal to 65536")),
	allowed("description of 2,048", model, create{Description: aws.String(longText[:2048])}),
	beyond("description of 2,049", model, create{Description: &longText},
		violation("Value '"+longText+"'", "description", "have length less than or equal to 2048")),
	allowed("description of 2,048 characters beyond ASCII", model, create{Description: aws.String(strings.Repeat("é", 2048))}),
	beyond("description of 2,049 characters beyond ASCII", model, create{Description: aws.String(strings.Repeat("é", 2049))},
		violation("Value '"+strings.Repeat("é", 2049)+"'", "description", "have length less than or equal to 2048")),
	beyond("text of 65,538 bytes in half as many characters", quotas, create{SecretString: aws.String(strings.Repeat("é", 32769))},
		violation("Value", "secretString", "have length less than or equal to 65536")),
	allowed("tag of 128 and 256 characters beyond ASCII", model, create{
		Tags: []types.Tag{{Key: aws.String(strings.Repeat("é", 128)), Value: aws.String(strings.Repeat("é", 256))}},
	}),
	beyond("KMS key of 2,049", model, create{KmsKeyId: &longText},
		violation("Value '"+longText+"'", "kmsKeyId", "have length less than or equal to 2048")),
	allowed("50 tags", quotas, create{Tags: tags(50)}),
	{"refused: 51 tags", quotas, func(c *check) {
		_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{Name: &c.name, Tags: tags(51)})
		c.code(err, "LimitExceededException")
	}},
	allowed("tag of 128 and 256", model, create{Tags: []types.Tag{{Key: aws.String(longKey[:128]), Value: aws.String(longKey[:256])}}}),
	beyond("tag key of 129", model, create{Tags: []types.Tag{{Key: aws.String(longKey[:129]), Value: aws.String("v")}}},
		violation("Value '"+longKey[:129]+"'", "tags.1.member.key", "have length less than or equal to 128")),
	beyond("tag value of 257", model, create{Tags: []types.Tag{{Key: aws.String("k"), Value: &longKey}}},
		violation("Value '"+longKey+"'", "tags.1.member.value", "have length less than or equal to 256")),
	beyond("two violations, told together", model, create{ClientRequestToken: aws.String("short"), SecretString: aws.String("")},
		"2 validation errors detected: Value 'short' at 'clientRequestToken' failed to satisfy constraint: Member must have length greater than or equal to 32; "+
			"Value at 'secretString' failed to satisfy constraint: Member must have length greater than or equal to 1"),
}

func tags(n int) []types.Tag {
	list := make([]types.Tag, n)
	for i := range list {
		list[i] = types.Tag{Key: aws.String(fmt.Sprintf("k%d", i)), Value: aws.String("v")}
	}
	return list
}
