#!/usr/bin/env node
console.log("amari", ...process.argv.slice(2));
