// Writes the Node.js SDK of a package's schema, as `pulumi package add` does in a program's folder.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// The schema refers to no other package, so nothing is loaded.
type noOthers struct{ schema.Loader }

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		log.Fatal(err)
	}
	pkg, err := schema.ImportSpec(spec, nil, noOthers{}, schema.ValidationOptions{})
	if err != nil {
		log.Fatal(err)
	}
	files, err := nodejs.GeneratePackage("portage", pkg, nil, nil, true, nil)
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(os.Args[2], name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
