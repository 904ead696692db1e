// A platform team's own program. `pulumi install` writes the SDK of the package that Pulumi.yaml names, into sdks/.
import * as pulumi from "@pulumi/pulumi";
import * as portage from "@portage/portage";

const allowedContentTypes = ["application/pdf"];
const allowedOrigins = ["https://scans.example.com"];

const status = new portage.StatusTracker("status");
const table = { tableName: status.tableName, tableArn: status.tableArn };

const api = new portage.UploadApi("api", {
    ...table,
    allowedContentTypes,
    allowedOrigins,
    maxUploadBytes: 1_000_000_000,
});

const scans = new portage.ProcessingPipeline("scans", {
    ...table,
    bucketName: api.bucketName,
    bucketArn: api.bucketArn,
    resultReaderRoleName: api.resultReaderRoleName,
    allowedContentTypes,
    allowedOrigins,
    processor: "scans.process",
    processorCode: new pulumi.asset.FileArchive("../processor"),
    processorEnvironment: { ARCHIVE: pulumi.secret("the-scans") },
});

export const apiUrl = api.url;
export const resultsBucket = scans.resultsBucketName;
export const userPoolId = api.userPoolId;
export const userPoolClientId = api.userPoolClientId;
