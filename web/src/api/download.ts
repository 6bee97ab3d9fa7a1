/** Saves an answer as a file. The token goes in a header, so a plain link can't fetch it. */
export async function saveAs(response: Response, name: string): Promise<void> {
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
