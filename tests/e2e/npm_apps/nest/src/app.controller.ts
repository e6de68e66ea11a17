import { Controller, Get, Injectable } from '@nestjs/common';

@Injectable()
export class AppService {
  hello(): { hello: string; pid: number } {
    return { hello: 'nest', pid: process.pid };
  }
}

@Controller()
export class AppController {
  constructor(private readonly service: AppService) {}

  @Get()
  hello() {
    return this.service.hello();
  }
}
