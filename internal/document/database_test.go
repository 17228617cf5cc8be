package document

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var databaseKind = kindOf[Database]{
	least:  shape{{"username", `"u1"`}, {"password", `"MARKER"`}, {"tenant_id", `"MARKER"`}, note},
	decode: DecodeDatabase,
	encode: Database.Encode,
}

// login is what is read of the smallest document, with edits.
func login(edits ...func(*Database)) func(marker string) Database {
	return func(marker string) Database {
		d := Database{Username: "u1", Password: marker}
		for _, edit := range edits {
			edit(&d)
		}
		return d
	}
}

func on(engine string, port int, dbname string) func(*Database) {
	return func(d *Database) {
		d.Engine, d.Host, d.Port, d.DBName = engine, "db.example.com", port, dbname
	}
}

func port(n int) func(*Database) { return func(d *Database) { d.Port = n } }

func ssl(on bool) func(*Database) { return func(d *Database) { d.SSL = &on } }

func master(d *Database) { d.MasterARN = masterARN }

func instance(d *Database) { d.InstanceIdentifier = "db1" }

const masterARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:master-AbCdEf"

// engine is the members that AWS documents for an engine, before those of its own.
func engine(name, port, dbname string, others ...string) []string {
	edits := []string{"engine", `"` + name + `"`, "host", `"db.example.com"`, "port", port, "dbname", dbname}
	return append(edits, others...)
}

// The forms of AWS's user guide, "JSON structure of AWS Secrets Manager secrets", and of
// its rotation functions (aws-samples/aws-secrets-manager-rotation-lambdas).
var databasesAccepted = []form[Database]{
	{"what RDS stores of a password that it manages", []string{"tenant_id", ``, "x_note", ``}, login()},
	{"Db2", engine("db2", `3306`, `"d1"`, "masterarn", `"`+masterARN+`"`, "dbInstanceIdentifier", `"db1"`), login(on("db2", 3306, "d1"), master, instance)},
	{"MariaDB", engine("mariadb", `3306`, `"d1"`, "dbInstanceIdentifier", `"db1"`), login(on("mariadb", 3306, "d1"), instance)},
	{"MySQL", engine("mysql", `3306`, `"d1"`, "dbClusterIdentifier", `"c1"`), login(on("mysql", 3306, "d1"))},
	{"Oracle", engine("oracle", `1521`, `"ORCL"`, "masterarn", `"`+masterARN+`"`), login(on("oracle", 1521, "ORCL"), master)},
	{"PostgreSQL", engine("postgres", `5432`, `"d1"`, "ssl", `true`), login(on("postgres", 5432, "d1"), ssl(true))},
	{"SQL Server", engine("sqlserver", `1433`, `"master"`), login(on("sqlserver", 1433, "master"))},
	{"Redshift", engine("redshift", `5439`, `"dev"`, "masterarn", `"`+masterARN+`"`, "dbClusterIdentifier", `"c1"`), login(on("redshift", 5439, "dev"), master)},
	{"Redshift Serverless", engine("redshift", `5439`, `"dev"`, "namespaceName", `"n1"`), login(on("redshift", 5439, "dev"))},
	{"DocumentDB", engine("mongo", `27017`, `"admin"`, "ssl", `true`, "dbClusterIdentifier", `"c1"`), login(on("mongo", 27017, "admin"), ssl(true))},
	{"Timestream for InfluxDB", []string{"engine", `"timestream-influxdb"`, "dbIdentifier", `"i1"`}, login(func(d *Database) { d.Engine = "timestream-influxdb" })},
	{"ElastiCache", []string{"user_arn", `"arn:aws:elasticache:us-east-1:123456789012:user:u1"`}, login()},
	{"a port in a text, as older pages of the guide have it", []string{"port", `"5432"`}, login(port(5432))},
	{"zeros before it", []string{"port", `"05432"`}, login(port(5432))},
	{"an empty port", []string{"port", `""`}, login()},
	{"null for port", []string{"port", `null`}, login()},
	{"the first port", []string{"port", `1`}, login(port(1))},
	{"the last port", []string{"port", `65535`}, login(port(65535))},
	{"ssl in a text", []string{"ssl", `"true"`}, login(ssl(true))},
	{"ssl in a text of Python's", []string{"ssl", `"False"`}, login(ssl(false))},
	{"ssl in capitals", []string{"ssl", `"TRUE"`}, login(ssl(true))},
	{"no ssl", []string{"ssl", `false`}, login(ssl(false))},
	{"null for ssl", []string{"ssl", `null`}, login()},
	{"empty texts", []string{"engine", `""`, "host", `""`, "dbname", `""`, "masterarn", `""`, "dbInstanceIdentifier", `""`}, login()},
	{"a password of all that JSON escapes", []string{"password", `"\"\\\/\b\f\n\r\t\u0000é😀MARKER"`}, func(m string) Database {
		return Database{Username: "u1", Password: "\"\\/\b\f\n\r\t\x00é😀" + m}
	}},
	{"replicas, which the guide lets one add", []string{"replicas", `[{"host":"MARKER","port":"abc"}]`}, login()},
}

const (
	noPort = "port is not a whole number from 1 to 65535"
	noSSL  = "ssl is neither true nor false"
)

var databasesRefused = []refusal{
	{"no username", []string{"username", ``}, "username is missing"},
	{"an empty username", []string{"username", `""`}, "username is empty"},
	{"a number for username", []string{"username", `1`}, "username is not a string"},
	{"no password, as in ElastiCache before the first rotation", []string{"password", ``}, "password is missing"},
	{"an empty password", []string{"password", `""`}, "password is empty"},
	{"null for password", []string{"password", `null`}, "password is not a string"},
	{"a number for password", []string{"password", `1234567890`}, "password is not a string"},
	{"a redacted password", []string{"password", `"[redacted]"`}, "password is the text that is printed in place of a secret"},
	{"Password beside it", []string{"Password", `"MARKER"`}, "a member stands twice, in different case"},
	{"PASSWORD in its place", []string{"password", ``, "PASSWORD", `"MARKER"`}, "password is written in another case"},
	{"Host, which would be ignored", []string{"Host", `"MARKER"`}, "host is written in another case"},
	{"masterArn, which would be ignored", []string{"masterArn", `"MARKER"`}, "masterarn is written in another case"},
	{"dbinstanceidentifier", []string{"dbinstanceidentifier", `"MARKER"`}, "dbInstanceIdentifier is written in another case"},
	{"a list of hosts", []string{"host", `["MARKER"]`}, "host is not a string"},
	{"a number for engine", []string{"engine", `5`}, "engine is not a string"},
	{"a number for dbname", []string{"dbname", `5`}, "dbname is not a string"},
	{"an object for masterarn", []string{"masterarn", `{"MARKER":1}`}, "masterarn is not a string"},
	{"a number for dbInstanceIdentifier", []string{"dbInstanceIdentifier", `5`}, "dbInstanceIdentifier is not a string"},
	{"port abc", []string{"port", `"abc"`}, noPort},
	{"a secret for a port", []string{"port", `"MARKER"`}, noPort},
	{"port 0", []string{"port", `0`}, noPort},
	{"port 0 in a text", []string{"port", `"0"`}, noPort},
	{"a negative port", []string{"port", `-5432`}, noPort},
	{"a port with a sign", []string{"port", `"+5432"`}, noPort},
	{"a port beyond 16 bits", []string{"port", `65536`}, noPort},
	{"a port beyond 64 bits", []string{"port", `"99999999999999999999"`}, noPort},
	{"half a port", []string{"port", `5432.5`}, noPort},
	{"a port with an exponent", []string{"port", `5e3`}, noPort},
	{"a port in hex", []string{"port", `"0x1538"`}, noPort},
	{"a port with blanks", []string{"port", `" 5432 "`}, noPort},
	{"a port with an underscore", []string{"port", `"5_432"`}, noPort},
	{"true for a port", []string{"port", `true`}, noPort},
	{"a list of ports", []string{"port", `[5432]`}, noPort},
	{"ssl yes, with which AWS's functions would go on in the clear", []string{"ssl", `"yes"`}, noSSL},
	{"ssl 1", []string{"ssl", `1`}, noSSL},
	{"ssl with a blank", []string{"ssl", `"true "`}, noSSL},
	{"a list for ssl", []string{"ssl", `[true]`}, noSSL},
	{"a secret for ssl", []string{"ssl", `"MARKER"`}, noSSL},
	{"ssl in quotes of its own", []string{"ssl", `"\"true\""`}, noSSL},
}

func TestDecodeDatabase(t *testing.T) {
	t.Run("accepted", func(t *testing.T) { databaseKind.accepts(t, databasesAccepted) })
	t.Run("refused", func(t *testing.T) { databaseKind.refuses(t, databasesRefused) })
}

// What could not be read back is not written.
func TestEncodeDatabaseRefused(t *testing.T) {
	for _, tt := range []struct {
		what string
		edit func(*Database)
		want string
	}{
		{"no username", func(d *Database) { d.Username = "" }, "username is empty"},
		{"no password", func(d *Database) { d.Password = "" }, "password is empty"},
		{"a redacted password", func(d *Database) { d.Password = Redaction }, "password is the text that is printed in place of a secret"},
		{"a negative port", port(-1), noPort},
		{"a port beyond 16 bits", port(65536), noPort},
		{"invalid UTF-8", func(d *Database) { d.Password += "\xff" }, "a member to be written is not valid UTF-8"},
		{"too long", func(d *Database) { d.Host = strings.Repeat("h", MaxLength) }, "it has 65601 bytes, and at most 65536 can be stored"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			marker := newMarker()
			text, err := login(tt.edit)(marker).Encode()
			checkSays(t, err, tt.want, marker)
			if text != "" {
				t.Error("there is a text all the same")
			}
		})
	}
}

func TestDatabaseRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Database{
			Engine: rapid.String().Draw(t, "engine"), Host: rapid.String().Draw(t, "host"),
			Username:  drawText(t, "username"),
			Password:  rapid.StringN(1, 40, -1).Filter(func(s string) bool { return s != Redaction }).Draw(t, "password"),
			DBName:    rapid.String().Draw(t, "dbname"),
			Port:      rapid.IntRange(0, maxPort).Draw(t, "port"),
			MasterARN: rapid.String().Draw(t, "masterarn"), InstanceIdentifier: rapid.String().Draw(t, "dbInstanceIdentifier"),
		}
		if rapid.Bool().Draw(t, "says ssl") {
			ssl(rapid.Bool().Draw(t, "ssl"))(&d)
		}
		databaseKind.checkRoundTrip(t, d)
	})
}
